/* scan.c - which records of a log are good, where it ends, and whether a crash can have left it so.
 *
 * Records are written one behind the other, so a crash leaves whole ones and then a beginning of
 * one, or nothing.  The end of the good ones is where a record is not whole.  What lies behind it
 * was not synced, unless that record is damaged.  How to tell?
 *
 * Recognised as damage: a bad record with the good header of another one anywhere behind it, that
 * was written when the first had been flushed, as it says itself.  To find it after a bad header,
 * whose size can't be believed, each position behind is tried: few bytes, up to the next record.
 *
 * Not recognised: damage to what was flushed last.  It looks like what a crash has torn, and is cut
 * off like that.  In theory a torn record only ends too soon; but of pages that were not flushed a
 * later one may be on the disk before an earlier one, and what is read there is zeros, or anything.
 * Nothing can tell either that a file was cut between two records: nobody does that but people. */
#include "scan.h"

#include "record.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* For "return fail(error, ...);". */
#define fail(error, ...) (snprintf((error)->words, sizeof(error)->words, __VA_ARGS__), -1)

enum find { GOOD, BAD_HEADER, BAD_DATA, UNREADABLE };

/* The header, and with it the data, of the record at this position. */
static enum find look(struct scan *scan, int64_t at, struct record *record)
{
    int64_t left = scan->file.size - at;

    if (left < RECORD_HEADER_SIZE)
        return BAD_HEADER;
    const uint8_t *header = disk_see(&scan->file, at, RECORD_HEADER_SIZE);
    if (header == NULL)
        return UNREADABLE;
    if (!record_read_header(header, at, record))
        return BAD_HEADER;
    if (left - RECORD_HEADER_SIZE < record->size)
        return BAD_DATA;
    header = disk_see(&scan->file, at, (size_t)RECORD_HEADER_SIZE + record->size);
    if (header == NULL)
        return UNREADABLE;
    record->data = header + RECORD_HEADER_SIZE;
    return record_is_whole(header, record->data, record->size) ? GOOD : BAD_DATA;
}

/* Whether the header of a record lies anywhere from this position on, which was written when all
 * before scan->end and more was on the disk. */
static enum find look_behind(struct scan *scan, int64_t at)
{
    struct record record;

    for (; at <= scan->file.size - RECORD_HEADER_SIZE; at++) {
        const uint8_t *header = disk_see(&scan->file, at, RECORD_HEADER_SIZE);
        if (header == NULL)
            return UNREADABLE;
        if (record_read_header(header, at, &record) && record.flushed > scan->end)
            return GOOD;
    }
    return BAD_HEADER;
}

static int remember(struct scan *scan, int64_t place)
{
    if ((size_t)scan->count == scan->room) {
        size_t room = 2 * scan->room + 1024;
        int64_t *places = realloc(scan->places, room * sizeof *places);
        if (places == NULL)
            return -1;
        scan->places = places;
        scan->room = room;
    }
    scan->places[scan->count++] = place;
    return 0;
}

/* Takes up a good record, which ends at scan->end then. */
static int take(struct scan *scan, const struct record *record, struct scan_error *error)
{
    int64_t place = scan->end;

    scan->end += RECORD_HEADER_SIZE + (int64_t)record->size;
    if (record->kind == RECORD_VOTE) {
        scan->term = record->term;
        scan->voted_for = record->number;
        return 0;
    }
    if (record->number < 1 || record->number > scan->count + 1)
        return fail(error, "is damaged: entry %d comes after entry %d", record->number,
                    scan->count);
    scan->count = record->number - 1;
    return remember(scan, place) < 0 ? fail(error, "can't be read: %s", strerror(errno)) : 0;
}

/* At scan->end there is no good record.  That is the end of the log, or damage. */
static int finish(struct scan *scan, enum find found, const struct record *record,
                  struct scan_error *error)
{
    int64_t behind = scan->end + 1;

    if (found == BAD_DATA)
        behind = scan->end + RECORD_HEADER_SIZE + (int64_t)record->size;
    if (found != UNREADABLE)
        found = look_behind(scan, behind);
    if (found == UNREADABLE)
        return fail(error, "can't be read: %s", strerror(errno));
    if (found == GOOD)
        return fail(error, "is damaged at byte %lld: good records follow", (long long)scan->end);
    return 0;
}

int scan_log(struct scan *scan, int fd, struct scan_error *error)
{
    int64_t size = lseek(fd, 0, SEEK_END);
    struct record record;
    enum find found;

    *scan = (struct scan){.file = {.fd = fd, .size = size}, .end = RECORD_FILE_HEADER_SIZE};
    if (size < 0)
        return fail(error, "can't be read: %s", strerror(errno));
    while ((found = look(scan, scan->end, &record)) == GOOD)
        if (take(scan, &record, error) < 0)
            return -1;
    return finish(scan, found, &record, error);
}

int scan_entry(struct scan *scan, int32_t index, struct log_entry *entry, struct scan_error *error)
{
    struct record record;
    enum find found = look(scan, scan->places[index - 1], &record);

    if (found == UNREADABLE)
        return fail(error, "can't be read: %s", strerror(errno));
    if (found != GOOD)
        return fail(error, "is damaged: entry %d was good a moment ago", index);
    *entry = (struct log_entry){record.term, record.size, record.data};
    return 0;
}

void scan_free(struct scan *scan)
{
    free(scan->places);
    free(scan->file.data);
    *scan = (struct scan){0};
}
