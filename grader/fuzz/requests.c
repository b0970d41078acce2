/* requests.c - the fuzz target for resp_parse and resp_write_array. */
#include "encode.h"

#include <stdlib.h>

struct decoder {
    struct resp_parser *parser;
    struct resp_request request;
};

const char decoder_end[] = "\r\n";
const char decoder_good[] = "*1\r\n$1\r\nx\r\n";

struct decoder *decoder_new(void)
{
    struct decoder *decoder = calloc(1, sizeof *decoder);

    expect(decoder != NULL && (decoder->parser = resp_parser_new()) != NULL,
           "there is memory for a parser");
    return decoder;
}

void decoder_free(struct decoder *decoder)
{
    resp_parser_free(decoder->parser);
    free(decoder);
}

enum outcome decoder_read(struct decoder *decoder, const uint8_t *window, size_t len, size_t *size)
{
    enum resp_result result = resp_parse(decoder->parser, window, len, &decoder->request);

    *size = decoder->request.size;
    return outcome_of(result);
}

bool decoder_tell(struct decoder *decoder, const uint8_t *window, size_t size,
                  struct record *record)
{
    const struct resp_request *request = &decoder->request;

    for (size_t i = 0; i < request->count; i++)
        expect_inside(request->words[i], window, size);
    record_array(record, request->words, request->count);
    return true;
}
