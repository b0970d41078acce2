/* resp2_replies.c - the fuzz target for resp2_parse_reply and the encoders of RESP2. */
#include "resp2.h"

#include "encode.h"

#include <stdio.h>
#include <stdlib.h>

struct decoder {
    struct resp2_parser *parser;
    struct resp2_reply reply;
};

const char decoder_end[] = "\r\n";
const char decoder_good[] = "$-1\r\n";

struct decoder *decoder_new(void)
{
    struct decoder *decoder = calloc(1, sizeof *decoder);

    expect(decoder != NULL && (decoder->parser = resp2_parser_new()) != NULL,
           "there is memory for a parser");
    return decoder;
}

void decoder_free(struct decoder *decoder)
{
    resp2_parser_free(decoder->parser);
    free(decoder);
}

enum outcome decoder_read(struct decoder *decoder, const uint8_t *window, size_t len, size_t *size)
{
    enum resp_result result = resp2_parse_reply(decoder->parser, window, len, &decoder->reply);

    *size = decoder->reply.size;
    return outcome_of(result);
}

static void record_bulk(struct record *record, const struct resp2_value *value)
{
    size_t size =
        value->is_null ? resp2_write_null(NULL, 0) : resp2_write_bulk(NULL, 0, value->text);
    uint8_t *page = new_block(size);

    if (value->is_null)
        resp2_write_null(page, size);
    else
        resp2_write_bulk(page, size, value->text);
    record_put(record, page, size);
    free(page);
}

static void record_header(struct record *record, const struct resp2_value *array)
{
    char line[RESP_LONGEST_LINE];
    int len = array->is_null ? snprintf(line, sizeof line, "*-1\r\n")
                             : snprintf(line, sizeof line, "*%zu\r\n", array->count);

    record_put(record, line, (size_t)len);
}

static void record_value(struct record *record, const struct resp2_value *value,
                         const uint8_t *window, size_t size)
{
    switch (value->type) {
    case RESP_SIMPLE:
    case RESP_FAILURE:
        expect_inside(value->text, window, size);
        record_line(record, (uint8_t)value->type, value->text);
        break;
    case RESP_INTEGER: record_integer(record, value->integer); break;
    case RESP_ARRAY: record_header(record, value); break;
    case RESP2_BULK:
        if (!value->is_null)
            expect_inside(value->text, window, size);
        record_bulk(record, value);
        break;
    default: expect(false, "a reply has one of the five types");
    }
}

bool decoder_tell(struct decoder *decoder, const uint8_t *window, size_t size,
                  struct record *record)
{
    const struct resp2_reply *reply = &decoder->reply;
    size_t missing = 1;

    for (size_t i = 0; i < reply->count; i++) {
        const struct resp2_value *value = &reply->values[i];
        expect(missing > 0, "a reply is one value, with its elements");
        missing--;
        if (value->type == RESP_ARRAY && !value->is_null)
            missing += value->count;
        record_value(record, value, window, size);
    }
    expect(missing == 0, "an array is followed by all of its elements");
    return true;
}
