/* checksum.h - CRC-32, as in Ethernet and gzip: every error of up to 32 bits in a row is seen. */
#ifndef CHECKSUM_H
#define CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

uint32_t checksum(const uint8_t *data, size_t len);

#endif
