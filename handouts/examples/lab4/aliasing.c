/* aliasing.c - what the optimizer may do with a pointer of the wrong type.
 *
 *     gcc -std=c11 -O2 -Wall -Wextra -o aliasing aliasing.c && ./aliasing
 *     gcc -std=c11 -O0 -Wall -Wextra -o aliasing aliasing.c && ./aliasing */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>

/* [alias] */
struct header {
    uint16_t low, high;
};

/* Clears half of a number through a pointer to something else. */
static uint32_t clear_high(uint32_t *value, struct header *same_place)
{
    *value = 0xffffffff;
    same_place->high = 0;
    return *value;
}
/* [alias-end] */

int main(void)
{
    uint32_t value;
    uint32_t returned = clear_high(&value, (struct header *)&value);

    printf("returned %08" PRIx32 ", in memory %08" PRIx32 "\n", returned, value);
    return 0;
}
