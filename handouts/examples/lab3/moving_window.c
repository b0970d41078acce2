/* moving_window.c - a word is found, more bytes come, the buffer grows: where is the word now?
 *
 *     gcc -std=c11 -D_GNU_SOURCE -Wall -Wextra -g -fsanitize=address -o moving_window moving_window.c
 *     ./moving_window place; ./moving_window pointer */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint8_t *append(uint8_t *buffer, size_t *len, const char *piece)
{
    size_t size = strlen(piece);
    uint8_t *grown = realloc(buffer, *len + size);

    if (grown == NULL)
        exit(EXIT_FAILURE);
    memcpy(grown + *len, piece, size);
    *len += size;
    return grown;
}

int main(int argc, char **argv)
{
    size_t len = 0;

    /* [story] */
    uint8_t *buffer = append(NULL, &len, "*2\r\n$3\r\nGET\r\n$7\r\nCS0");
    size_t place = 8;                    /* of the word "GET" in the window */
    const uint8_t *pointer = buffer + 8; /* to the same byte, for now */

    buffer = append(buffer, &len, "6142\r\n");
    if (argc > 1 && strcmp(argv[1], "pointer") == 0)
        printf("by the pointer: %.3s\n", (const char *)pointer);
    else
        printf("by the place:   %.3s\n", (const char *)buffer + place);
    /* [story-end] */
    free(buffer);
    return 0;
}
