/* request.c - the requests of request.h. */
#include "request.h"

#include <stdlib.h>
#include <string.h>

struct request *request_push(struct request_queue *queue, struct client *client, size_t cost)
{
    struct request *request = calloc(1, sizeof *request);

    if (request == NULL)
        return NULL;
    request->client = client;
    request->cost = cost;
    if (queue->first == NULL)
        queue->first = request;
    else
        queue->last->next = request;
    queue->last = request;
    queue->owed += cost;
    return request;
}

void request_pop(struct request_queue *queue)
{
    struct request *request = queue->first;

    request_unlink(request);
    queue->first = request->next;
    queue->owed -= request->cost;
    free(request->reply);
    free(request);
}

bool request_set_reply(struct request *request, struct resp_word reply)
{
    request->reply = malloc(reply.len + 1);
    if (request->reply == NULL)
        return false;
    if (reply.len > 0)
        memcpy(request->reply, reply.data, reply.len);
    request->reply_size = reply.len;
    request->is_known = true;
    return true;
}

void request_link(struct request_list *list, struct request *request)
{
    request->list = list;
    request->older = list->last;
    request->newer = NULL;
    if (list->last != NULL)
        list->last->newer = request;
    else
        list->first = request;
    list->last = request;
}

void request_unlink(struct request *request)
{
    struct request_list *list = request->list;

    if (list == NULL)
        return;
    if (request->older != NULL)
        request->older->newer = request->newer;
    else
        list->first = request->newer;
    if (request->newer != NULL)
        request->newer->older = request->older;
    else
        list->last = request->older;
    request->list = NULL;
}

/* The number of a line such as "$12\r\n"; no line has more than the parser takes. */
static size_t number_of(const uint8_t *line)
{
    size_t number = 0;

    for (line++; *line != '\r'; line++)
        number = 10 * number + (size_t)(*line - '0');
    return number;
}

/* Behind a word comes CR LF. */
bool request_is_too_large(size_t *line, const uint8_t *window, size_t len)
{
    while (*line < len) {
        const uint8_t *start = window + *line, *end = memchr(start, '\n', len - *line);
        if (end == NULL)
            break;
        *line = (size_t)(end + 1 - window);
        if (*start == '$')
            *line += number_of(start) + 2;
    }
    return *line > REQUEST_LARGEST;
}
