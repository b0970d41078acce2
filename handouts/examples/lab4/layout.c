/* layout.c - where the compiler puts the fields of a struct, and where the wire has them.
 *
 *     gcc -std=c11 -Wall -Wextra -I../../../labs/include -o layout layout.c
 *     ./layout */
#include <stdio.h>
#include <string.h>

#include "message.h"

/* [table] */
#define ROW(type, member, wire)                                                                    \
    printf("  %-16s %6zu %6d\n", #member, offsetof(struct type, member), wire)

static void print_layouts(void)
{
    printf("append_entries_reply  memory   wire\n");
    ROW(append_entries_reply, term, 0);
    ROW(append_entries_reply, follower_id, 4);
    ROW(append_entries_reply, log_index, 8);
    ROW(append_entries_reply, success, 12);
    ROW(append_entries_reply, follower_commit, 13);
    ROW(append_entries_reply, ack, 17);
    printf("  bytes in all     %6zu %6d\n", sizeof(struct append_entries_reply), 21);
    printf("request_vote_reply\n  bytes in all     %6zu %6d\n", sizeof(struct request_vote_reply),
           5);
}
/* [table-end] */

/* A struct on memory that was used before: what is assigned are members, not padding. */
static void print_padding(void)
{
    struct request_vote_reply reply;
    uint8_t bytes[sizeof reply];

    memset(&reply, 0xee, sizeof reply);
    reply.term = 7;
    reply.vote_granted = true;
    memcpy(bytes, &reply, sizeof bytes);
    printf("a request_vote_reply, copied as it lies in memory:\n ");
    for (size_t i = 0; i < sizeof bytes; i++)
        printf(" %02x", bytes[i]);
    printf("\n");
}

int main(void)
{
    print_layouts();
    print_padding();
    return 0;
}
