/*
 * shipped: what systemd/ has for this box, as text in the program, for `weir-receiver setup`.
 */
#ifndef WEIR_SHIPPED_H
#define WEIR_SHIPPED_H

#include "common/boxsetup.h"

struct boxsetup_shipped receiver_shipped(void);

#endif
