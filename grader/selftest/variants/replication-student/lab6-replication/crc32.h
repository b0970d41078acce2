/* crc32.h - CRC-32 as zip, PNG and Ethernet have it (IEEE 802.3). */
#ifndef CRC32_H
#define CRC32_H

#include <stddef.h>
#include <stdint.h>

/* Goes on from the checksum of what came before; 0 at first. */
uint32_t crc32_of(uint32_t before, const uint8_t *data, size_t len);

#endif
