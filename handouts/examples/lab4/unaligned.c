/* unaligned.c - a number read through a cast pointer, and the same by memcpy.
 *
 *     gcc -std=c11 -O0 -g -fsanitize=undefined -Wall -Wextra -o unaligned unaligned.c
 *     ./unaligned */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* [reads] */
static uint32_t by_cast(const uint8_t *bytes)
{
    return *(const uint32_t *)bytes; /* don't */
}

static uint32_t by_copy(const uint8_t *bytes)
{
    uint32_t value;

    memcpy(&value, bytes, sizeof value);
    return value;
}
/* [reads-end] */

int main(void)
{
    static const uint8_t reply[] = {2, 0, 0, 0, 5, 0, 0, 0, 7, 0, 0, 0, 1};
    uint8_t *bytes = malloc(sizeof reply);

    if (bytes == NULL)
        return EXIT_FAILURE;
    memcpy(bytes, reply, sizeof reply);
    for (size_t offset = 4; offset < 6; offset++) {
        printf("offset %zu, by copy: %" PRIu32 "\n", offset, by_copy(bytes + offset));
        fflush(stdout);
        printf("offset %zu, by cast: %" PRIu32 "\n", offset, by_cast(bytes + offset));
        fflush(stdout);
    }
    free(bytes);
    return 0;
}
