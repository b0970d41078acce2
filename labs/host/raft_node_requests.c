/* raft_node_requests.c - what clients of a node without a log get: a command is done by none, and
 * each client is told who leads. */
#include "raft_node.h"

#include "resp2.h"

#include <stdio.h>
#include <string.h>

/* A request is to fit into a message, as an entry of the log. */
enum { LARGEST_REQUEST = 15 << 20 };

static bool is_word(struct resp_word word, const char *name)
{
    size_t i = 0;

    while (i < word.len && name[i] != '\0' && (word.data[i] & ~0x20) == name[i])
        i++;
    return i == word.len && name[i] == '\0';
}

/* PROTOCOL section 1: "SET key word..., GET key, DEL key..., in any letter case"; --resp2 has one
 * word as a value. */
static bool is_command(const struct resp_request *request, bool is_resp2)
{
    struct resp_word name = request->words[0];

    if (is_word(name, "SET"))
        return is_resp2 ? request->count == 3 : request->count >= 3;
    return (is_word(name, "GET") && request->count == 2) ||
           (is_word(name, "DEL") && request->count >= 2);
}

static void say(struct node_reply *reply, const char *text)
{
    reply->len = strlen(text);
    memcpy(reply->text, text, reply->len);
}

static void redirect(int32_t self, int32_t leader, struct node_reply *reply)
{
    char text[NODE_LONGEST_REPLY] = "+TRYAGAIN\r\n";

    if (leader != RAFT_NOBODY && leader != self)
        snprintf(text, sizeof text, "+MOVED %d\r\n", leader);
    say(reply, text);
}

static void answer(const struct node_requests *requests, int32_t leader,
                   const struct resp_request *request, struct node_reply *reply)
{
    bool is_resp2 = requests->parser2 != NULL;

    reply->len = 0;
    if (request->count == 0)
        return;
    if (is_command(request, is_resp2))
        redirect(requests->self, leader, reply);
    else if (is_resp2 && is_word(request->words[0], "PING"))
        say(reply, "+PONG\r\n");
    else
        say(reply, is_resp2 ? "-ERR unknown command or wrong number of words\r\n" : "-ERROR\r\n");
}

static enum resp_result parse(const struct node_requests *requests, const uint8_t *data, size_t len,
                              struct resp_request *request)
{
    enum resp_result result = requests->parser2 != NULL
                                  ? resp2_parse(requests->parser2, data, len, request)
                                  : resp_parse(requests->parser, data, len, request);
    size_t size = result == RESP_DONE ? request->size : len;

    return size > LARGEST_REQUEST ? RESP_ERROR : result;
}

enum resp_result node_answer(struct node_requests *requests, int32_t leader, const uint8_t *window,
                             size_t len, struct node_reply *reply, size_t *size)
{
    struct resp_request request;
    enum resp_result result = parse(requests, window, len, &request);

    if (result == RESP_DONE) {
        *size = request.size;
        answer(requests, leader, &request, reply);
    } else if (result != RESP_MORE) {
        say(reply, requests->parser2 != NULL ? "-ERR Protocol error\r\n" : "-ERROR\r\n");
    }
    return result;
}

bool node_requests_init(struct node_requests *requests, int32_t self, bool is_resp2)
{
    *requests = (struct node_requests){.self = self};
    if (is_resp2)
        requests->parser2 = resp2_parser_new();
    else
        requests->parser = resp_parser_new();
    return requests->parser != NULL || requests->parser2 != NULL;
}

void node_requests_free(struct node_requests *requests)
{
    resp_parser_free(requests->parser);
    resp2_parser_free(requests->parser2);
}
