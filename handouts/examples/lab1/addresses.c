/* addresses.c - what a dotted decimal string is: four bytes, most significant first.
 *
 *     gcc -std=c11 -D_GNU_SOURCE -Wall -Wextra -o addresses addresses.c
 *     ./addresses 127.0.0.1 192.0.2.7 10.1 010.0.0.1 256.0.0.1 ::1 */
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>

/* [show] */
static void show(const char *text)
{
    uint8_t bytes[sizeof(struct in6_addr)];
    char back[INET6_ADDRSTRLEN];
    int family = AF_INET;
    size_t len = sizeof(struct in_addr);

    if (inet_pton(family, text, bytes) != 1) {
        family = AF_INET6;
        len = sizeof(struct in6_addr);
        if (inet_pton(family, text, bytes) != 1) {
            printf("%-14s is no address\n", text);
            return;
        }
    }
    printf("%-14s is", text);
    for (size_t i = 0; i < len; i++)
        printf(" %02x", bytes[i]);
    printf(", which is %s\n", inet_ntop(family, bytes, back, sizeof back));
}
/* [show-end] */

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        show(argv[i]);
    return 0;
}
