/*
 * local: the messages between weir-outbox, weir-seal and weir-hold over local sockets (channel.h).
 *
 * outbox -> seal (seal.sock):   PUSH, then for each member MEMBER, DATA…, END; then FINISH.
 * seal -> outbox:               READY after PUSH; SIGN with the 216-byte statement after FINISH;
 *                               ACCEPTED or REFUSED at the end; REFUSED at any time.
 * outbox -> seal:               SIGNATURE (64 bytes) after SIGN.
 * seal -> hold (intake.sock):   INTAKE, BODY…, COMMIT (statement and signature).
 * hold -> seal:                 READY after INTAKE; ACCEPTED or REFUSED.
 * outbox -> hold (control.sock): LIST, SHOW; answers ITEM…, then DONE, or REFUSED.
 *
 * Payloads are encoded with cursor.h; every decoder is total.
 */
#ifndef WEIR_LOCAL_H
#define WEIR_LOCAL_H

#include <stdint.h>

#include "common/bundle.h"

#define SEAL_SOCKET "seal.sock"
#define INTAKE_SOCKET "intake.sock"
#define CONTROL_SOCKET "control.sock"

enum local_type {
	LOCAL_PUSH = 1,
	LOCAL_MEMBER,
	LOCAL_DATA,
	LOCAL_END,
	LOCAL_FINISH,
	LOCAL_SIGN,
	LOCAL_SIGNATURE,
	LOCAL_READY,
	LOCAL_ACCEPTED,
	LOCAL_REFUSED,
	LOCAL_INTAKE,
	LOCAL_BODY,
	LOCAL_COMMIT,
	LOCAL_LIST,
	LOCAL_SHOW,
	LOCAL_ITEM,
	LOCAL_DONE,
};

#endif
