/* http.h - the head of an HTTP/1.1 message: its lines, its fields, and what a request asks for.
 *
 * RFC 9112 says how a message looks, RFC 9110 what it means.  A head is a first line, fields of the
 * form "name: value", and an empty line; the body comes after it.  Here a text is a piece of such a
 * head, and lives as long.  Nothing is copied, allocated or printed. */
#ifndef HTTP_H
#define HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A server takes heads of up to so many bytes, the empty line included: RFC 9112, section 3,
 * asks for 8000 in the first line. */
enum { HTTP_HEAD_BOUND = 8192 };

struct http_text {
    const char *data; /* without a NUL at its end */
    size_t len;
};

/* The size of the head that data begins with, up to and with its empty line; 0 while that has
 * not come.  Lines end with CR LF, or with LF alone (section 2.2).  *searched is 0 for a new
 * head; bytes before it were looked at in earlier calls, and are not again. */
size_t http_head_size(const uint8_t *data, size_t len, size_t *searched);

/* Takes the next line off the front of head, and gives it without its end.  False at the empty
 * line. */
bool http_take_line(struct http_text *head, struct http_text *line);

/* Splits "name: value", without the blanks around the value.  False where the name is no token (a
 * blank before the colon, a line that starts with one) or the value holds a control character:
 * section 5. */
bool http_split_field(struct http_text line, struct http_text *name, struct http_text *value);

/* Whether text is word, in upper or lower case; whether one element of the comma-separated list
 * is. */
bool http_is(struct http_text text, const char *word);
bool http_lists(struct http_text list, const char *word);

/* The number that text is, in base 10 or 16: digits only, and at most INT64_MAX.  Else false. */
bool http_number(struct http_text text, int base, int64_t *number);

struct http_request {
    struct http_text method; /* as it was sent: GET is not get */
    struct http_text target; /* likewise, see http_path */
    bool has_body;           /* Content-Length is above 0 */
    bool keep_alive;         /* the client wants to go on after the reply: RFC 9112, section 9.3 */
};

/* Reads a whole head.  0, or the status that it deserves: 400 (malformed; in HTTP/1.1 there is one
 * Host, section 3.2), 411 (a body in a transfer coding, which is more than this lab reads: section
 * 6.3), 505 (not HTTP/1). */
int http_parse_request(struct http_text head, struct http_request *request);

/* Writes the path that a target means, decoded and with a NUL at its end; it begins with '/'.
 * The query is left out, and so are scheme and host of an absolute form (section 3.2).  0, or
 * 400: no path, a '%' without two hexadecimal digits, or a NUL in it. */
int http_path(struct http_text target, char path[HTTP_HEAD_BOUND]);

/* The words for a status that a server of this lab sends, such as "Not Found"; the media type of a
 * file with that name: RFC 9110, sections 15 and 8.3. */
const char *http_reason(int status);
const char *http_type(const char *path);

#endif
