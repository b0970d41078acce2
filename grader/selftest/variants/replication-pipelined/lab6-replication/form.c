/* form.c - the forms of form.h. */
#include "form.h"

#include "checksum.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

void form_put(uint8_t *at, uint32_t number)
{
    for (int byte = 0; byte < 4; byte++)
        at[byte] = (uint8_t)(number >> (8 * byte));
}

uint32_t form_get(const uint8_t *at)
{
    return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

void form_seal(uint8_t *form, size_t size)
{
    form_put(form + size - 4, checksum(form, size - 4));
}

bool form_is_sealed(const uint8_t *form, size_t size)
{
    return form_get(form + size - 4) == checksum(form, size - 4);
}

ssize_t form_read(int fd, uint8_t *form, size_t room)
{
    size_t size = 0;

    while (size < room) {
        ssize_t n = read(fd, form + size, room - size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        size += (size_t)n;
    }
    return (ssize_t)size;
}

static int write_all(int fd, const uint8_t *form, size_t size)
{
    while (size > 0) {
        ssize_t n = write(fd, form, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        form += n;
        size -= (size_t)n;
    }
    return 0;
}

static int flush_if(bool does_flush, int fd)
{
    return does_flush ? fsync(fd) : 0;
}

/* close(2) may tell of an error, too; and it may change errno. */
static int write_new(int fd, const uint8_t *form, size_t size, bool does_flush)
{
    if (write_all(fd, form, size) == 0 && flush_if(does_flush, fd) == 0)
        return close(fd);
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

int form_replace(int folder, const char *name, const uint8_t *form, size_t size, bool does_flush)
{
    char new_name[32];

    snprintf(new_name, sizeof new_name, "%s.new", name);
    int fd = openat(folder, new_name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0 || write_new(fd, form, size, does_flush) < 0 ||
        renameat(folder, new_name, folder, name) < 0)
        return -1;
    return flush_if(does_flush, folder);
}
