/* lengths.c - what the C library makes of lengths that no correct client sends.
 *
 *     gcc -std=c11 -D_GNU_SOURCE -Wall -Wextra -o lengths lengths.c
 *     ./lengths */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* [ask] */
static void ask(const char *shown, const char *text)
{
    char *end;

    errno = 0;
    long signed_one = strtol(text, &end, 10);
    const char *said = errno == ERANGE ? " ERANGE" : "";
    unsigned long unsigned_one = strtoul(text, NULL, 10);
    printf("%-22s atoi %-11d strtol %ld%s, stops before 0x%02x, strtoul %lu\n", shown, atoi(text),
           signed_one, said, (unsigned)(unsigned char)*end, unsigned_one);
}
/* [ask-end] */

int main(void)
{
    ask("3", "3\r\n");
    ask("nothing", "\r\n");
    ask("nothing, then data", "\r\n42\r\n");
    ask("x", "x\r\n");
    ask("3x", "3x\r\n");
    ask("+3", "+3\r\n");
    ask("blank 3", " 3\r\n");
    ask("03", "03\r\n");
    ask("-1", "-1\r\n");
    ask("4294967297", "4294967297\r\n");
    ask("9223372036854775808", "9223372036854775808\r\n");
    return 0;
}
