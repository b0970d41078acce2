/* http.c - the heads of http.h.
 *
 * Strict where two readers of the same bytes could disagree about where a message ends or what
 * it asks for: from such a quarrel between a proxy and a server come smuggled requests (RFC
 * 9112, section 11.2). */
#include "http.h"

#include <string.h>
#include <strings.h>

/* Stage 2.23: memchr(3).  A head may come byte by byte: what was searched once is not again. */
size_t http_head_size(const uint8_t *data, size_t len, size_t *searched)
{
    (void)data;
    (void)len;
    *searched = 0;
    /* Your code here. */
    return 0;
}

/* Stage 2.23: RFC 9112, section 2.2. */
bool http_take_line(struct http_text *head, struct http_text *line)
{
    (void)head;
    (void)line;
    /* Your code here. */
    return false;
}

/* Stage 2.23: RFC 9112, section 5.  Stage 2.24: which characters has a token, RFC 9110, section
 * 5.6.2, and why is a blank before the colon worse than untidy? */
bool http_split_field(struct http_text line, struct http_text *name, struct http_text *value)
{
    (void)line;
    (void)name;
    (void)value;
    /* Your code here. */
    return false;
}

bool http_is(struct http_text text, const char *word)
{
    return text.len == strlen(word) && strncasecmp(text.data, word, text.len) == 0;
}

/* Stage 2.23: RFC 9110, section 5.6.1: "a, b ,c". */
bool http_lists(struct http_text list, const char *word)
{
    (void)list;
    (void)word;
    /* Your code here. */
    return false;
}

/* Stage 2.24: what do strtol(3) and atoi(3) take for a number? */
bool http_number(struct http_text text, int base, int64_t *number)
{
    (void)text;
    (void)base;
    *number = 0;
    /* Your code here. */
    return false;
}

/* Stage 2.23: "GET /index.html HTTP/1.1", then the fields: RFC 9112, sections 3 and 9.3.  Stage
 * 2.24: what if a field that should come once comes twice, or not at all? */
int http_parse_request(struct http_text head, struct http_request *request)
{
    (void)head;
    *request = (struct http_request){0};
    /* Your code here. */
    return 501;
}

/* Stage 2.23: RFC 3986, sections 2.1 and 3.3; RFC 9112, section 3.2. */
int http_path(struct http_text target, char path[HTTP_HEAD_BOUND])
{
    (void)target;
    path[0] = '\0';
    /* Your code here. */
    return 400;
}

const char *http_reason(int status)
{
    static const struct {
        int status;
        const char *reason;
    } known[] = {
        {200, "OK"},
        {400, "Bad Request"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {411, "Length Required"},
        {431, "Request Header Fields Too Large"},
        {501, "Not Implemented"},
        {505, "HTTP Version Not Supported"},
    };

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (known[i].status == status)
            return known[i].reason;
    return "Internal Server Error";
}

/* Stage 2.23: ".html" is text/html, ".txt" is text/plain, and what is unknown is
 * application/octet-stream. */
const char *http_type(const char *path)
{
    (void)path;
    /* Your code here. */
    return "application/octet-stream";
}
