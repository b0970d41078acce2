/* resp2_requests.c - the fuzz target for resp2_parse: requests as arrays, and as lines.
 *
 * A line has many forms, so its words are told as an array; and they are typed once more in the one
 * form that knows no special case, every byte as \xHH within quotes. */
#include "resp2.h"

#include "encode.h"

#include <stdlib.h>
#include <string.h>

struct decoder {
    struct resp2_parser *parser, *typist;
    struct resp_request request;
};

const char decoder_end[] = "\r\n";
const char decoder_good[] = "PING\r\n";

struct decoder *decoder_new(void)
{
    struct decoder *decoder = calloc(1, sizeof *decoder);

    expect(decoder != NULL && (decoder->parser = resp2_parser_new()) != NULL &&
               (decoder->typist = resp2_parser_new()) != NULL,
           "there is memory for a parser");
    return decoder;
}

void decoder_free(struct decoder *decoder)
{
    resp2_parser_free(decoder->parser);
    resp2_parser_free(decoder->typist);
    free(decoder);
}

enum outcome decoder_read(struct decoder *decoder, const uint8_t *window, size_t len, size_t *size)
{
    enum resp_result result = resp2_parse(decoder->parser, window, len, &decoder->request);

    *size = decoder->request.size;
    return outcome_of(result);
}

static void type_word(struct record *line, struct resp_word word)
{
    static const char digits[] = "0123456789abcdef";

    record_put(line, "\"", 1);
    for (size_t i = 0; i < word.len; i++) {
        uint8_t byte = word.data[i];
        char typed[] = {'\\', 'x', digits[byte / 16], digits[byte % 16]};
        record_put(line, typed, sizeof typed);
    }
    record_put(line, "\" ", 2);
}

/* The same words come back: their encoding as an array is known. */
static void expect_typed_again(struct resp2_parser *typist, const struct resp_request *request,
                               const uint8_t *array, size_t size)
{
    struct record line = {0}, again = {0};
    struct resp_request typed;

    for (size_t i = 0; i < request->count; i++)
        type_word(&line, request->words[i]);
    record_put(&line, "\r\n", 2);
    expect(resp2_parse(typist, line.bytes, line.len, &typed) == RESP_DONE && typed.size == line.len,
           "a line of quoted words is a request");
    record_array(&again, typed.words, typed.count);
    expect(again.len == size && memcmp(again.bytes, array, size) == 0,
           "words that are typed with \\xHH come back");
    free(line.bytes);
    free(again.bytes);
}

bool decoder_tell(struct decoder *decoder, const uint8_t *window, size_t size,
                  struct record *record)
{
    const struct resp_request *request = &decoder->request;
    size_t before = record->len;

    record_array(record, request->words, request->count);
    if (window[0] == RESP_ARRAY) {
        for (size_t i = 0; i < request->count; i++)
            expect_inside(request->words[i], window, size);
        return true;
    }
    expect_typed_again(decoder->typist, request, record->bytes + before, record->len - before);
    return false;
}
