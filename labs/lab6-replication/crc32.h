/* crc32.h - the CRC-32 of zlib, gzip and Ethernet, ISO 3309. */
#ifndef CRC32_H
#define CRC32_H

#include <stddef.h>
#include <stdint.h>

/* The checksum of what crc is the checksum of (0: of nothing), and of data behind it. */
uint32_t crc32_update(uint32_t crc, const uint8_t *data, size_t len);

#endif
