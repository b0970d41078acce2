/* form.h - short runs of bytes on the disk that end with a checksum of what comes before. */
#ifndef FORM_H
#define FORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* A number of 32 bits, little-endian. */
void form_put(uint8_t *at, uint32_t number);
uint32_t form_get(const uint8_t *at);

/* The checksum is in the last 4 of size bytes. */
void form_seal(uint8_t *form, size_t size);
bool form_is_sealed(const uint8_t *form, size_t size);

/* Reads up to room bytes; fewer only at the end of the file.  -1 with errno. */
ssize_t form_read(int fd, uint8_t *form, size_t room);

/* Makes a file of it, and puts it in the place of the one with this name.  Whenever a crash comes,
 * there is the old one or the new one; if does_flush, the new one on return.  -1 with errno. */
int form_replace(int folder, const char *name, const uint8_t *form, size_t size, bool does_flush);

#endif
