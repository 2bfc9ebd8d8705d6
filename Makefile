# Weir
#
#   make              all programs, in build/
#   make demo         a bundle crosses, shown on one screen          (installs what it needs)
#   make test         all tests, ten minutes at most                 (installs what it needs)
#   make test-long    the long sweeps; BUDGET=seconds, 1800 by default
#   make bench        figures beside a peer, measured in one run
#   make check-static cppcheck, shellcheck, clang-tidy, gcc -fanalyzer
#   make install      PREFIX=/usr, DESTDIR=
#
#   make SANITIZE=1   with address and undefined-behaviour sanitizers, in build-sanitize/
#   make WERROR=1     warnings are errors, as in CI
#
# CC, CFLAGS, LDFLAGS are the user's and come last.

PREFIX ?= /usr
BUDGET ?= 1800
BUILD ?= build$(if $(SANITIZE),-sanitize)

std = -std=c17 -D_GNU_SOURCE -I. -I$(BUILD)
warn = -Wall -Wextra -Wshadow -Wconversion -Wformat=2 -Wundef -Wvla -Wstrict-prototypes \
	-Wmissing-prototypes -Wcast-qual -Wwrite-strings $(if $(WERROR),-Werror)
optimise = -O2 -g -pthread -ffunction-sections -fdata-sections
harden = -D_FORTIFY_SOURCE=3 -fstack-protector-strong -fstack-clash-protection -fPIE \
	-fcf-protection -ftrivial-auto-var-init=zero
harden_link = -pie -Wl,-z,relro,-z,now,-z,noexecstack
ifdef SANITIZE
optimise = -O1 -g -pthread -fno-omit-frame-pointer
harden = -fsanitize=address,undefined -fno-sanitize-recover=undefined -DWEIR_SANITIZE -fPIE
harden_link = -fsanitize=address,undefined -pie
endif

packages = libsodium libzstd libisal libsystemd libcap-ng libseccomp inih jansson
libraries = $(shell pkg-config --libs $(packages))

compile = $(CC) $(std) $(warn) $(optimise) $(harden) -MMD -MP $(CPPFLAGS) $(CFLAGS)
link = $(CC) $(optimise) $(harden) $(harden_link) -Wl,--as-needed,--gc-sections $(LDFLAGS)

# A program's own file is named after it: sender/hold.c is weir-hold, sender/sender.c weir-sender.
sender_programs = outbox seal hold emit sender
receiver_programs = catch keep inbox receiver
programs = $(patsubst %,$(BUILD)/weir-%,$(sender_programs) $(receiver_programs))

mains = $(sender_programs:%=sender/%.c) $(receiver_programs:%=receiver/%.c)
common_objects = $(patsubst %.c,$(BUILD)/%.o,$(wildcard common/*.c))
sender_objects = $(patsubst %.c,$(BUILD)/%.o,$(filter-out $(mains),$(wildcard sender/*.c)))
receiver_objects = $(patsubst %.c,$(BUILD)/%.o,$(filter-out $(mains),$(wildcard receiver/*.c)))
unit_tests = $(patsubst tests/unit/%.c,$(BUILD)/tests/unit/%.t,$(wildcard tests/unit/*.c))

all: $(programs)

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(compile) -c -o $@ $<

$(BUILD)/libcommon.a: $(common_objects)
$(BUILD)/libsender.a: $(sender_objects)
$(BUILD)/libreceiver.a: $(receiver_objects)
$(BUILD)/lib%.a:
	@rm -f $@
	$(AR) rcs $@ $^

$(sender_programs:%=$(BUILD)/weir-%): $(BUILD)/weir-%: $(BUILD)/sender/%.o $(BUILD)/libsender.a $(BUILD)/libcommon.a
	$(link) -o $@ $^ $(libraries)
$(receiver_programs:%=$(BUILD)/weir-%): $(BUILD)/weir-%: $(BUILD)/receiver/%.o $(BUILD)/libreceiver.a $(BUILD)/libcommon.a
	$(link) -o $@ $^ $(libraries)

$(BUILD)/tests/unit/%.t: $(BUILD)/tests/unit/%.o $(BUILD)/tests/lib/tap.o \
		$(BUILD)/libsender.a $(BUILD)/libreceiver.a $(BUILD)/libcommon.a
	$(link) -o $@ $^ $(libraries) -lm

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)

clean:
	rm -rf build build-sanitize

.PHONY: all clean
.SECONDARY:
