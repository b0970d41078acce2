/* http.c - the heads of http.h.
 *
 * Strict where two readers of the same bytes could disagree about where a message ends or what
 * it asks for: from such a quarrel between a proxy and a server come smuggled requests (RFC
 * 9112, section 11.2). */
#include "http.h"

#include <string.h>
#include <strings.h>

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Whether text holds a control character, other than the one that is allowed. */
static bool has_control(struct http_text text, char allowed)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        if (((unsigned char)c < ' ' || c == 0x7f) && c != allowed)
            return true;
    }
    return false;
}

/* RFC 9110, section 5.6.2. */
static bool is_token(struct http_text text)
{
    static const char allowed[] = "!#$%&'*+-.^_`|~0123456789"
                                  "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

    for (size_t i = 0; i < text.len; i++)
        if (text.data[i] == '\0' || strchr(allowed, text.data[i]) == NULL)
            return false;
    return text.len > 0;
}

static struct http_text trimmed(struct http_text text)
{
    for (; text.len > 0 && is_blank(text.data[0]); text.len--)
        text.data++;
    while (text.len > 0 && is_blank(text.data[text.len - 1]))
        text.len--;
    return text;
}

/* Takes what is before the separator off the front of rest, and the separator too.  Without one:
 * all of it, and false. */
static bool take_before(struct http_text *rest, char separator, struct http_text *part)
{
    const char *found = rest->len == 0 ? NULL : memchr(rest->data, separator, rest->len);

    *part = *rest;
    if (found == NULL) {
        rest->len = 0;
        return false;
    }
    part->len = (size_t)(found - rest->data);
    rest->data = found + 1;
    rest->len -= part->len + 1;
    return true;
}

/* Whether the LF at data[at] ends an empty line. */
static bool ends_head(const uint8_t *data, size_t at)
{
    if (at > 0 && data[at - 1] == '\r')
        at--;
    return at == 0 || data[at - 1] == '\n';
}

size_t http_head_size(const uint8_t *data, size_t len, size_t *searched)
{
    while (*searched < len) {
        const uint8_t *end = memchr(data + *searched, '\n', len - *searched);
        if (end == NULL) {
            *searched = len;
            return 0;
        }
        size_t at = (size_t)(end - data);
        *searched = at + 1;
        if (ends_head(data, at))
            return at + 1;
    }
    return 0;
}

bool http_take_line(struct http_text *head, struct http_text *line)
{
    take_before(head, '\n', line);
    if (line->len > 0 && line->data[line->len - 1] == '\r')
        line->len--;
    return line->len > 0;
}

bool http_split_field(struct http_text line, struct http_text *name, struct http_text *value)
{
    if (!take_before(&line, ':', name) || !is_token(*name))
        return false;
    *value = trimmed(line);
    return !has_control(*value, '\t');
}

bool http_is(struct http_text text, const char *word)
{
    return text.len == strlen(word) && strncasecmp(text.data, word, text.len) == 0;
}

bool http_lists(struct http_text list, const char *word)
{
    struct http_text element;
    bool more;

    do {
        more = take_before(&list, ',', &element);
        if (http_is(trimmed(element), word))
            return true;
    } while (more);
    return false;
}

/* -1 for what is no digit, not even a hexadecimal one. */
static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool http_number(struct http_text text, int base, int64_t *number)
{
    *number = 0;
    for (size_t i = 0; i < text.len; i++) {
        int next = digit(text.data[i]);
        if (next < 0 || next >= base || *number > (INT64_MAX - next) / base)
            return false;
        *number = *number * base + next;
    }
    return text.len > 0;
}

/* "HTTP/1.1".  A higher minor version is as good as 1: RFC 9110, section 2.5. */
static int parse_version(struct http_text version, int *minor)
{
    if (version.len != 8 || memcmp(version.data, "HTTP/", 5) != 0 || version.data[6] != '.')
        return 400;
    int major = digit(version.data[5]);
    *minor = digit(version.data[7]);
    if (major < 0 || major > 9 || *minor < 0 || *minor > 9)
        return 400;
    return major == 1 ? 0 : 505;
}

/* "GET /index.html HTTP/1.1", with one space each. */
static int parse_first_line(struct http_text line, struct http_request *request, int *minor)
{
    if (!take_before(&line, ' ', &request->method) || !is_token(request->method) ||
        !take_before(&line, ' ', &request->target) || has_control(request->target, ' '))
        return 400;
    return parse_version(line, minor);
}

/* What the fields of a request say, each as often as it came. */
struct fields {
    int hosts;
    int64_t body_size; /* -1: not said */
    bool has_coding, says_close, says_keep_alive;
};

static bool is_host(struct http_text value)
{
    for (size_t i = 0; i < value.len; i++)
        if (value.data[i] == ' ' || strchr("\t,/?#@\\", value.data[i]) != NULL)
            return false;
    return true;
}

/* A length that is said twice has to be the same, or the body ends in two places. */
static bool take_length(struct http_text value, struct fields *fields)
{
    int64_t before = fields->body_size;

    return http_number(value, 10, &fields->body_size) &&
           (before < 0 || before == fields->body_size);
}

static bool take_field(struct http_text line, struct fields *fields)
{
    struct http_text name, value;

    if (!http_split_field(line, &name, &value))
        return false;
    if (http_is(name, "Host"))
        return ++fields->hosts == 1 && is_host(value);
    if (http_is(name, "Content-Length"))
        return take_length(value, fields);
    if (http_is(name, "Transfer-Encoding"))
        fields->has_coding = true;
    if (http_is(name, "Connection")) {
        fields->says_close |= http_lists(value, "close");
        fields->says_keep_alive |= http_lists(value, "keep-alive");
    }
    return true;
}

int http_parse_request(struct http_text head, struct http_request *request)
{
    struct fields fields = {.body_size = -1};
    struct http_text line;
    int minor = 0;

    *request = (struct http_request){0};
    http_take_line(&head, &line);
    int status = parse_first_line(line, request, &minor);
    if (status != 0)
        return status;
    while (http_take_line(&head, &line))
        if (!take_field(line, &fields))
            return 400;
    if (minor >= 1 && fields.hosts == 0)
        return 400;
    if (fields.has_coding)
        return fields.body_size < 0 ? 411 : 400; /* both: where does the body end? */
    request->has_body = fields.body_size > 0;
    request->keep_alive = !fields.says_close && (minor >= 1 || fields.says_keep_alive);
    return 0;
}

/* "http://host:port/path" becomes "/path", or "/" where it has none. */
static struct http_text without_host(struct http_text target)
{
    const size_t scheme = strlen("http://");

    if (target.len < scheme || strncasecmp(target.data, "http://", scheme) != 0)
        return target;
    struct http_text rest = {target.data + scheme, target.len - scheme};
    const char *path = rest.len == 0 ? NULL : memchr(rest.data, '/', rest.len);
    if (path == NULL)
        return (struct http_text){"/", 1};
    return (struct http_text){path, rest.len - (size_t)(path - rest.data)};
}

/* The character that "%41" stands for, or -1. */
static int decode(struct http_text text)
{
    if (text.len < 3 || digit(text.data[1]) < 0 || digit(text.data[2]) < 0)
        return -1;
    return digit(text.data[1]) * 16 + digit(text.data[2]);
}

int http_path(struct http_text target, char path[HTTP_HEAD_BOUND])
{
    struct http_text rest;
    size_t len = 0;

    take_before(&target, '?', &rest);
    rest = without_host(rest);
    if (rest.len == 0 || rest.data[0] != '/' || rest.len >= HTTP_HEAD_BOUND)
        return 400;
    while (rest.len > 0) {
        bool coded = rest.data[0] == '%';
        int c = coded ? decode(rest) : rest.data[0];
        if (coded && c <= 0)
            return 400;
        path[len++] = (char)c;
        rest.data += coded ? 3 : 1;
        rest.len -= coded ? 3 : 1;
    }
    path[len] = '\0';
    return 0;
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
        {505, "HTTP Version Not Supported"},
    };

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (known[i].status == status)
            return known[i].reason;
    return "Internal Server Error";
}

const char *http_type(const char *path)
{
    static const char known[][2][20] = {
        {".html", "text/html"},
        {".css", "text/css"},
        {".txt", "text/plain"},
        {".png", "image/png"},
    };
    const char *suffix = strrchr(path, '.');

    for (size_t i = 0; suffix != NULL && i < sizeof known / sizeof known[0]; i++)
        if (strcasecmp(suffix, known[i][0]) == 0)
            return known[i][1];
    return "application/octet-stream";
}
