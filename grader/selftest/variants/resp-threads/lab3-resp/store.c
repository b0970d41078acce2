/* store.c - SET, GET and DEL.  A value is kept as the reply that GET has to give. */
#include "store.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

enum { INTEGER_ROOM = 32 };

int store_init(struct store *store)
{
    uint8_t secret[KV_SECRET_SIZE];

    if (getrandom(secret, sizeof secret, 0) != (ssize_t)sizeof secret)
        return -1;
    store->kv = kv_new(secret);
    if (store->kv == NULL)
        return -1;
    errno = pthread_mutex_init(&store->lock, NULL);
    return errno == 0 ? 0 : -1;
}

static bool put_text(struct window *out, const char *text)
{
    return window_put(out, text, strlen(text));
}

static bool set(struct kv *kv, const struct resp_request *request, struct window *out)
{
    const struct resp_word *words = request->words + 2;
    size_t count = request->count - 2;
    size_t size = resp_write_array(NULL, 0, words, count);
    uint8_t *value = kv_put(kv, request->words[1], size);

    if (value == NULL)
        return put_text(out, "-ERROR\r\n");
    resp_write_array(value, size, words, count);
    return put_text(out, "+OK\r\n");
}

static bool get(struct kv *kv, const struct resp_request *request, struct window *out)
{
    struct resp_word value;

    if (!kv_get(kv, request->words[1], &value))
        return put_text(out, "*1\r\n$3\r\nnil\r\n");
    return window_put(out, value.data, value.len);
}

static bool del(struct kv *kv, const struct resp_request *request, struct window *out)
{
    uint8_t reply[INTEGER_ROOM];
    int64_t deleted = 0;

    for (size_t i = 1; i < request->count; i++)
        deleted += kv_del(kv, request->words[i]);
    return window_put(out, reply, resp_write_integer(reply, sizeof reply, deleted));
}

static const struct command {
    const char *name;
    size_t least, most; /* words, the name too */
    bool (*execute)(struct kv *kv, const struct resp_request *request, struct window *out);
} commands[] = {
    {"SET", 3, SIZE_MAX, set},
    {"GET", 2, 2, get},
    {"DEL", 2, SIZE_MAX, del},
};

/* In any case of letters, and those of ASCII alone. */
static bool is_named(struct resp_word word, const char *name)
{
    if (word.len != strlen(name))
        return false;
    for (size_t i = 0; i < word.len; i++) {
        uint8_t c = word.data[i];
        if ((c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c) != name[i])
            return false;
    }
    return true;
}

static const struct command *find(const struct resp_request *request)
{
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (is_named(request->words[0], commands[i].name))
            return request->count >= commands[i].least && request->count <= commands[i].most
                       ? &commands[i]
                       : NULL;
    return NULL;
}

bool store_execute(struct store *store, const struct resp_request *request, struct window *out)
{
    if (request->count == 0)
        return true;
    const struct command *command = find(request);
    if (command == NULL)
        return put_text(out, "-ERROR\r\n");
    pthread_mutex_lock(&store->lock);
    bool done = command->execute(store->kv, request, out);
    pthread_mutex_unlock(&store->lock);
    return done;
}
