/* rpc.h - procedures of another process, called in the frames of message.h.
 *
 *     call    u32 call_id | u32 payload_size | u32 request_id | arguments
 *     reply   u32 call_id | u32 payload_size | u32 request_id | u8 status | results, or a text
 *
 * Integers are little-endian, nothing is padded; payload_size counts what follows it and is at most
 * MESSAGE_LARGEST_PAYLOAD; call_id, in place of a type, is 64 or above.  A reply returns both ids
 * of its call; replies come in any order.  Status 0: the results follow; 1: the procedure failed,
 * and a text, maybe empty, says why; 2: there is no such procedure, and nothing follows.
 *
 *     id procedure     arguments           results                     texts
 *     64 Multiply      i32 a, i32 b        i64 product
 *     65 Arith.QuoRem  i32 a, i32 b        i32 quotient, i32 remainder "divide by zero", "overflow"
 *     66 Delay         u32 milliseconds    none, but so much later      "too long": above 60000
 *
 * The product of 3 and 4, asked for with request id 7, and the reply; and a division by zero, id 8:
 *
 *     40 00 00 00 0c 00 00 00  07 00 00 00  03 00 00 00 04 00 00 00
 *     40 00 00 00 0d 00 00 00  07 00 00 00  00  0c 00 00 00 00 00 00 00
 *     41 00 00 00 13 00 00 00  08 00 00 00  01  64 69 76 69 64 65 20 62 79 20 7a 65 72 6f
 *
 * Malformed are a call id below 64, and a payload_size too large or too small for what is told
 * above, or arguments of another size than the procedure's, which the header tells or the payload;
 * a reply of another status, whoever it is for, or with another call id than its call's.  Then the
 * connection is closed; calls that still wait may get no reply.  A call of an unknown procedure is
 * not malformed, and the connection goes on. */
#ifndef RPC_H
#define RPC_H

#include "message.h"

enum rpc_call_id { RPC_FIRST_CALL_ID = 64, RPC_MULTIPLY = 64, RPC_QUO_REM = 65, RPC_DELAY = 66 };

enum rpc_status {
    RPC_FINE = 0,
    RPC_FAILED = 1,
    RPC_UNKNOWN_PROCEDURE = 2,
    RPC_TIMED_OUT = 256, /* this one and the next are never on the wire */
    RPC_LOST,
};

#endif
