/* stream.h - what the fuzz targets share.
 *
 * An input is a stream of bytes, and it must mean the same however it is cut.  stream.c shows it to
 * a decoder whole, byte by byte and in other pieces, each window in a heap block of its own that
 * ends where the window ends.  A target is a decoder, and what its values look like as bytes. */
#ifndef STREAM_H
#define STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Says on standard error what was promised, and aborts, unless the promise holds. */
void expect(bool holds, const char *promise);

/* A heap block of exactly that size. */
uint8_t *new_block(size_t size);

/* The encodings of all values that were found so far.  All zero: none. */
struct record {
    uint8_t *bytes;
    size_t len, capacity;
};

void record_put(struct record *record, const void *bytes, size_t len);

/* --- what a target defines --- */

enum outcome { MORE, DONE, ERROR };

struct decoder;

struct decoder *decoder_new(void);
void decoder_free(struct decoder *decoder);

/* Shows a window to the decoder.  DONE: it found a value, of *size bytes as it says. */
enum outcome decoder_read(struct decoder *decoder, const uint8_t *window, size_t len, size_t *size);

/* Checks the value that was found in the first size bytes of this window, and puts its encoding
 * behind what record holds.  True if the value has no other form: then the same bytes came. */
bool decoder_tell(struct decoder *decoder, const uint8_t *window, size_t size,
                  struct record *record);

/* Goes behind each input, so that no bad line is left without its end: an error may come that late. */
extern const char decoder_end[];

/* A value that even a window of nothing else must not lead to after an error; "" if it may. */
extern const char decoder_good[];

#endif
