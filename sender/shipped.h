/*
 * shipped: what systemd/ has for this box, as text in the program, for `weir-sender setup`.
 */
#ifndef WEIR_SHIPPED_H
#define WEIR_SHIPPED_H

#include "common/boxsetup.h"

struct boxsetup_shipped sender_shipped(void);

#endif
