/* replies.c - the fuzz target for resp_parse_reply and resp_write_integer. */
#include "resp_reply.h"

#include "encode.h"

#include <stdlib.h>

struct decoder {
    struct resp_parser *parser;
    struct resp_reply reply;
};

const char decoder_end[] = "\r\n";
const char decoder_good[] = "+OK\r\n";

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
    enum resp_result result = resp_parse_reply(decoder->parser, window, len, &decoder->reply);

    *size = decoder->reply.size;
    return outcome_of(result);
}

bool decoder_tell(struct decoder *decoder, const uint8_t *window, size_t size,
                  struct record *record)
{
    const struct resp_reply *reply = &decoder->reply;

    switch (reply->type) {
    case RESP_SIMPLE:
    case RESP_FAILURE:
        expect_inside(reply->text, window, size);
        record_line(record, (uint8_t)reply->type, reply->text);
        break;
    case RESP_INTEGER: record_integer(record, reply->integer); break;
    case RESP_ARRAY:
        for (size_t i = 0; i < reply->count; i++)
            expect_inside(reply->words[i], window, size);
        record_array(record, reply->words, reply->count);
        break;
    default: expect(false, "a reply has one of the four types");
    }
    return true;
}
