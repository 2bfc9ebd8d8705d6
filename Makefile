# Weir
#
#   make              all programs, in build/
#   make demo         a bundle crosses, shown on one screen          (installs what it needs)
#   make test         all tests, ten minutes at most                 (installs what it needs)
#   make test-long    the long sweeps; BUDGET=seconds, 1800 by default
#   make soak         mixed traffic and random faults on both sides; MINUTES=10
#   make bench        figures beside a peer or a bound, measured in one run, as root: tests/bench/run --help
#   make check-static cppcheck, shellcheck, clang-tidy, gcc -fanalyzer
#   make coverage     branches of formats, sealing, erasure code, spool and vault that tests take: 95 % or it fails
#   make fuzz         libFuzzer over every parser, JOBS=2 at a time; SECONDS_EACH=10, or RUNS=10000000 of each
#   make install      PREFIX=/usr, DESTDIR=; one side of the link alone: install-sender, install-receiver
#   make deb          Debian packages weir-sender, weir-receiver and weir-common, in build/deb/
#   make offline      these and all that they depend on, with checksums, for a site without a network, in build/offline/
#   make check-packages  both of it, and installed, upgraded, removed and purged on a Debian that boots
#
#   make test-threads what has threads, under the thread sanitizer, in build-thread/
#   make test-valgrind unit tests, and all daemons but weir-link, under valgrind, in build-valgrind/
#
#   make SANITIZE=1   with address and undefined-behaviour sanitizers, in build-sanitize/
#   make SANITIZE=thread  with the thread sanitizer, in build-thread/
#   make WERROR=1     warnings are errors, as in CI
#
# CC, CFLAGS, LDFLAGS are the user's and come last.

PREFIX ?= /usr
BUDGET ?= 1800
MINUTES ?= 10
SECONDS_EACH ?= 10
BUILD ?= build$(if $(SANITIZE),-$(if $(filter thread,$(SANITIZE)),thread,sanitize))
JOBS ?= $(shell nproc)

std = -std=c17 -D_GNU_SOURCE -I. -I$(BUILD) $(includes)
warn = -Wall -Wextra -Wshadow -Wconversion -Wformat=2 -Wundef -Wvla -Wstrict-prototypes \
	-Wmissing-prototypes -Wcast-qual -Wwrite-strings $(if $(WERROR),-Werror)
optimise = -O2 -g -pthread -ffunction-sections -fdata-sections
harden = -D_FORTIFY_SOURCE=3 -fstack-protector-strong -fstack-clash-protection -fPIE \
	-fcf-protection -ftrivial-auto-var-init=zero $(clang_14)
# clang before 16 knows the option above only together with this one.
clang_14 = $(if $(findstring clang,$(CC)),-enable-trivial-auto-var-init-zero-knowing-it-will-be-removed-from-clang)
harden_link = -pie -Wl,-z,relro,-z,now,-z,noexecstack
ifdef SANITIZE
sanitizers = -fsanitize=address,undefined -fno-sanitize-recover=undefined
ifeq ($(SANITIZE),thread)
sanitizers = -fsanitize=thread
endif
optimise = -O1 -g -pthread -fno-omit-frame-pointer
harden = $(sanitizers) -DWEIR_SANITIZE -fPIE
harden_link = -pie
endif

packages = libsodium libzstd libisal libsystemd libcap-ng libseccomp inih jansson libpcre2-8 libcrypto p11-kit-1 libnftables libbpf
# libipsec-mb is for one architecture, and has no pkg-config file.
libraries = $(shell pkg-config --libs $(packages)) $(if $(findstring x86_64,$(shell $(CC) -dumpmachine)),-lIPSec_MB)
includes := $(shell pkg-config --cflags-only-I $(packages) 2>/dev/null)

compile = $(CC) $(std) $(warn) $(optimise) $(harden) -MMD -MP $(CPPFLAGS) $(CFLAGS)
link = $(CC) $(optimise) $(harden) $(harden_link) -Wl,--as-needed,--gc-sections $(LDFLAGS)

# A program's own file is named after it: sender/hold.c is weir-hold, sender/sender.c weir-sender.
sender_programs = outbox seal hold emit sender
receiver_programs = catch keep inbox receiver
common_programs = link
programs = $(patsubst %,$(BUILD)/weir-%,$(sender_programs) $(receiver_programs) $(common_programs))

mains = $(sender_programs:%=sender/%.c) $(receiver_programs:%=receiver/%.c) $(common_programs:%=common/%.c)
common_objects = $(patsubst %.c,$(BUILD)/%.o,$(filter-out $(mains),$(wildcard common/*.c)))
sender_objects = $(patsubst %.c,$(BUILD)/%.o,$(filter-out $(mains),$(wildcard sender/*.c)))
receiver_objects = $(patsubst %.c,$(BUILD)/%.o,$(filter-out $(mains),$(wildcard receiver/*.c)))
archives = $(BUILD)/libsender.a $(BUILD)/libreceiver.a $(BUILD)/libcommon.a

# Tests are programs that print TAP.  tests/lib holds what they share and the tools they use.
unit_tests = $(patsubst %.c,$(BUILD)/%.t,$(wildcard tests/unit/*.c tests/fuzz/*.c))
system_tests = $(wildcard tests/system/[0-9]*.sh tests/vectors/*.sh tests/fault/*.sh)
# The programs that also know a longer run say so by reading BUDGET.
long_tests = $(shell grep -lw BUDGET $(system_tests))
# What runs under the sanitizers as well: says so by this line.
main_tests = $(shell grep -l 'runs under the sanitizers' $(system_tests))
fuzz_targets = $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/*.c))
tools = $(patsubst %.c,$(BUILD)/%,$(filter-out tests/lib/tap.c tests/lib/replay.c tests/lib/faulty-token.c tests/lib/fault.c \
	tests/lib/careless.c tests/lib/untabled.c, \
	$(wildcard tests/lib/*.c)) $(wildcard tests/bench/*.c))
# A PKCS#11 module, which programs load.
faulty_token = $(BUILD)/tests/lib/faulty-token.so
# Before libc in a program that is to forget its fsync, or to live in another month.
careless = $(BUILD)/tests/lib/careless.so
# Before libseccomp in a program that a tool with system calls of its own runs.
untabled = $(BUILD)/tests/lib/untabled.so
# What makes calls fail: loaded in front of libc, or part of a program that sweeps over all of them.
fault = $(BUILD)/tests/lib/fault.so
sweeps = $(patsubst %.c,$(BUILD)/%,$(wildcard tests/fault/*.c))

all: $(programs)

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(compile) -c -o $@ $<

# They have these files in them.
$(BUILD)/sender/shipped.o: systemd/sender.conf systemd/weir-sender.link systemd/weir-sender.network
$(BUILD)/receiver/shipped.o: systemd/receiver.conf systemd/weir-receiver.link systemd/weir-receiver.network

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
$(common_programs:%=$(BUILD)/weir-%): $(BUILD)/weir-%: $(BUILD)/common/%.o $(BUILD)/libcommon.a
	$(link) -o $@ $^ $(libraries)

$(BUILD)/tests/unit/%.t: $(BUILD)/tests/unit/%.o $(BUILD)/tests/lib/tap.o $(archives)
	$(link) -o $@ $^ $(libraries) -lm
# The simulator is several files.
simulator_objects = $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/sim/*.c))
$(BUILD)/tests/unit/simulator.t: $(BUILD)/tests/unit/simulator.o $(simulator_objects) $(BUILD)/tests/lib/tap.o $(archives)
	$(link) -o $@ $^ $(libraries) -lm
# A fuzz target outside libFuzzer: replays its corpus.
$(BUILD)/tests/fuzz/%.t: $(BUILD)/tests/fuzz/%.o $(BUILD)/tests/lib/replay.o $(BUILD)/tests/lib/tap.o $(archives)
	$(link) -o $@ $^ $(libraries) -lm
$(tools): %: %.o $(archives)
	$(link) -o $@ $^ $(libraries) -lm
$(faulty_token) $(fault) $(careless) $(untabled): $(BUILD)/%.so: %.c
	@mkdir -p $(@D)
	$(compile) -fPIC -shared -o $@ $<
$(sweeps): %: %.o $(BUILD)/tests/lib/fault.o $(BUILD)/tests/lib/tap.o $(archives)
	$(link) -o $@ $^ $(libraries) -lm
$(BUILD)/tests/unit/signer.t: | $(faulty_token)

-include $(shell find $(BUILD) -name '*.d' -type f 2>/dev/null)

# Everything that a test run needs, without running it.
tests: $(programs) $(unit_tests) $(tools) $(faulty_token) $(fault) $(careless) $(untabled) $(sweeps)

# Packages come first: without them not even the list of libraries can be made.
again = $(MAKE) --no-print-directory -j$(JOBS)
run = BUILD=$(BUILD) CC=$(CC) JOBS=$(JOBS) LOGS=$(BUILD)/tests/logs tests/run

test:
	@tests/lib/need-packages build demo test
	@$(again) tests
	@$(run) $(system_tests) $(unit_tests)

# The unit tests and the main system tests, for a second compiler or the sanitizers.
test-main: tests
	@$(run) $(main_tests) $(unit_tests)

# The thread sanitizer, over every unit test in which a thread is made (the symbol says so) and the system tests that
# say so.  It sees the memory of one process, and of what is mapped twice the address that is used.  What two processes
# share, ring and pages, is tested with both ends of one mapping in two threads (unit/ring, unit/orders); between
# processes the same code runs in the system tests, where a torn record or page would not verify.  libsodium, zstd and
# isa-l are not instrumented: what they read and write is not seen, only what is handed to them and back.
threaded_tests = $(shell nm -D --undefined-only -A $(unit_tests) | sed -n 's/: *U pthread_create\(@.*\)\{0,1\}$$//p')
threaded_system_tests = $(shell grep -l 'under the thread sanitizer' $(system_tests))
# What CI has time for: who waits and wakes, and the memory that processes share.
sampled_threads = $(patsubst %,$(BUILD)/tests/unit/%.t,gather orders porter ring scan scrub transmit work worker)
threads = $(again) SANITIZE=thread BUILD=build-thread
watch_threads = REPLAY_EVERY=20 UNDER='tests/lib/watched thread' LIMIT=900 $(run)

test-threads:
	@tests/lib/need-packages build demo test
	@$(threads) tests
	@$(threads) run-threads
test-threads-sample:
	@$(threads) run-threads-sample
test-threads-sample-build:
	@$(threads) sampled-threads
sampled-threads: $(sampled_threads)
run-threads:
	@$(watch_threads) $(threaded_system_tests) $(threaded_tests)
run-threads-sample: $(sampled_threads)
	@$(watch_threads) $(sampled_threads)

# Valgrind, over a build in which what is not set is not set to zero either.  Every unit test, but those by name:
#   acceptor porter supervise        have no descriptor left, and valgrind keeps some for itself
#   confine service guard_fixed unpack inbox signer rsa deliver feed source command   seccomp (the first seven), pidfd_open (two),
#                                    openat2, TIOCGPTPEER: valgrind 3.19 does not know them
#   orders                           its reader turns beside its writer, and valgrind runs one thread at a time
#   transmit                         leaves the file of a bundle under way, which the encoder may be reading, to the exit
#   simulator intake ledger key spool annals guard_unique   take minutes each; the sanitizers see them
# and the daemons of both boxes: tests/system/under-valgrind.sh, without their tables of system calls, as it says.
not_under_valgrind = acceptor porter supervise confine service guard_fixed unpack inbox signer rsa deliver feed source \
	command orders simulator intake ledger key spool annals guard_unique transmit
valgrind_tests = $(filter-out $(not_under_valgrind:%=$(BUILD)/tests/unit/%.t),$(unit_tests))
# What CI has time for, of the programs that are there: formats and what is read from elsewhere.
sampled_valgrind = $(patsubst %,$(BUILD)/tests/%.t,unit/cursor unit/datagram unit/json unit/ini unit/work unit/text)
valgrind = $(again) BUILD=build-valgrind CFLAGS='-O1 -ftrivial-auto-var-init=uninitialized'
watch_valgrind = REPLAY_EVERY=200 UNDER='tests/lib/watched valgrind' LIMIT=1200 $(run)

test-valgrind:
	@tests/lib/need-packages build demo test
	@$(valgrind) tests
	@$(valgrind) run-valgrind
test-valgrind-sample: $(sampled_valgrind)
	@$(watch_valgrind) $(sampled_valgrind)
run-valgrind:
	@$(watch_valgrind) $(valgrind_tests)
	@$(run) tests/system/under-valgrind.sh

test-long:
	@tests/lib/need-packages build demo test
	@$(again) tests
	@BUDGET=$$(($(BUDGET) / $(words $(long_tests)))) LIMIT=$$(($(BUDGET) + 600)) \
		$(run) $(long_tests)

soak:
	@tests/lib/need-packages build demo test
	@$(again) $(programs) $(tools)
	@BUILD=$(BUILD) BUDGET=$$(($(MINUTES) * 60)) tests/system/29-soak.sh

demo:
	@tests/lib/need-packages build demo
	@$(again) $(programs) $(tools) >/dev/null
	@BUILD=$(BUILD) tests/system/demo.sh

bench:
	@tests/lib/need-packages build demo bench
	@$(again) $(programs) $(tools)
	@BUILD=$(BUILD) tests/bench/run

# Static analysis.  Every finding counts.  Switched off: what would forbid memcpy (there is no memcpy_s
# in glibc), ask for a check of every printf, or count functions as unreachable that a test hands on; and
# two of clang-tidy 14 that are wrong: it sees no va_start, and takes an array of pointers for a slip.
scripts = .ci/run tests/compat/make common/weir.bash debian/make-offline debian/install.sh $(wildcard debian/*.prerm debian/*.postrm) systemd/tell-failure systemd/drop tests/lib/need-packages tests/lib/fuzz-one tests/lib/watched tests/lib/certificates tests/lib/make-token tests/bench/run $(shell find tests -name '*.sh')
tidy = bugprone-*,clang-analyzer-*,cert-*,-bugprone-easily-swappable-parameters,-bugprone-reserved-identifier,-cert-dcl37-c,-cert-dcl51-cpp,-cert-err33-c,-bugprone-narrowing-conversions,-clang-analyzer-security.insecureAPI.DeprecatedOrUnsafeBufferHandling,-clang-analyzer-valist.Uninitialized,-bugprone-sizeof-expression
sources = $(wildcard common/*.c sender/*.c receiver/*.c)

check-static: check-cppcheck check-shellcheck check-tidy check-analyzer
check-cppcheck:
	cppcheck --quiet --error-exitcode=1 --std=c17 -D_GNU_SOURCE -I. -j$(JOBS) --inline-suppr \
		--enable=warning,performance,portability --suppress=missingIncludeSystem $(sources)
check-shellcheck:
	shellcheck -x -e SC2317 $(scripts)
check-tidy:
	printf '%s\n' $(sources) | xargs -P$(JOBS) -n4 sh -c \
		'clang-tidy --quiet --warnings-as-errors="*" --checks="-*,$(tidy)" "$$@" -- $(std) 2>&1 | \
		{ ! grep -vE "^[0-9]+ warnings? generated"; }' tidy
check-analyzer: $(sources:%.c=$(BUILD)/analyzer/%.o)
$(BUILD)/analyzer/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(std) -O1 -fanalyzer -Werror -c -o $@ $<

# Branches that the unit tests, the replayed corpora and the sweeps over failing calls take of what bundles depend on:
# formats, sealing, erasure code, spool, vault.  What shows, asks or starts programs is for the system tests.
covered_formats = $(addprefix common/,bundle bundle_head catalogue cursor datagram edition endorsement geometry identity ini json \
	judgement key ledgerline manifest manifestopen openbundle order order_judge receipt records registry registryexpiry \
	registryfile registryparse registryparty registrypolicy registryreview registryroute registrysettle registryvalue \
	resendcode signature signature_verify text tree trial) $(addprefix sender/,dossier local local_order local_resend \
	resendorder) $(addprefix receiver/,annal mandate notice)
covered_sealing = $(addprefix common/,compress recipients suite) $(addprefix sender/,pack pack_seal psks) \
	$(addprefix receiver/,unpack unpack_frames)
covered_erasure = common/erasure sender/encode $(addprefix receiver/,arrivals placement repair)
covered_spool = $(addprefix sender/,epochs numbers resendqueue sequences spent spool spool_change spool_number standing \
	testimony)
covered_vault = $(addprefix receiver/,accept account annals bodytree custody custody_take edges heard lost lost_enter marker \
	mapfile partial registrar scrub scrub_judge vault witness)
covered_files = $(patsubst %,%.c,$(covered_formats) $(covered_sealing) $(covered_erasure) $(covered_spool) $(covered_vault))
covered_sweeps = tests/fault/15-memory.sh tests/fault/16-stores.sh tests/fault/17-sealing.sh
COVERED_PERCENT = 95

coverage:
	@tests/lib/need-packages build demo test
	@$(MAKE) --no-print-directory -j$(JOBS) BUILD=build-coverage CFLAGS='-O0 -U_FORTIFY_SOURCE --coverage' \
		LDFLAGS=--coverage covered

# These two take minutes there, and run none of these files but as the others do.
covered_tests = $(filter-out %/simulator.t %/fuzz/intake.t,$(unit_tests))

covered: $(covered_tests) $(faulty_token) $(sweeps)
	@find $(BUILD) -name '*.gcda' -delete
	@$(run) $(covered_tests) $(covered_sweeps)
	@tests/lib/coverage $(BUILD) $(COVERED_PERCENT) $(covered_files)

fuzz: fuzz-build
	@printf '%s\n' $(fuzz_targets) | xargs -P$(JOBS) -n1 tests/lib/fuzz-one build-fuzz $(SECONDS_EACH)

fuzz-build:
	@tests/lib/need-packages build static
	@$(MAKE) --no-print-directory -j$(JOBS) BUILD=build-fuzz CC=clang SANITIZE=1 \
		CFLAGS=-fsanitize=fuzzer-no-link LDFLAGS=-fsanitize=fuzzer-no-link fuzzers

fuzzers: $(fuzz_targets:%=$(BUILD)/fuzz-%)
$(BUILD)/fuzz-%: $(BUILD)/tests/fuzz/%.o $(archives)
	$(link) -fsanitize=fuzzer -o $@ $^ $(libraries) -lm

# A box has no program of the other side: install-sender or install-receiver.  What both boxes have is a package of its own, and
# each of the three is also to be had alone.  Units name the programs below PREFIX.
SYSTEMD ?= $(PREFIX)/lib/systemd
units_sender = $(addprefix systemd/,weir-sender.target weir-hold* weir-seal* weir-emit* weir-ledger-send* weir-drop*)
units_receiver = $(addprefix systemd/,weir-receiver.target weir-keep* weir-catch*)
units_common = $(addprefix systemd/,weir-link.service weir-failure@.service)
helpers_sender = systemd/drop
helpers_common = systemd/tell-failure
examples_sender = $(addprefix systemd/,sender.conf weir-sender.link)
examples_receiver = $(addprefix systemd/,receiver.conf weir-receiver.link)
examples_common = $(addprefix systemd/,registry.example roots.example)
# of both boxes: weir.sysusers; of one: weir-sender.sysusers
of = systemd/weir$(patsubst %,-%,$(filter-out common,$*))
conf = weir$(patsubst %,-%,$(filter-out common,$*)).conf
# bash looks for a file that is named after the program
completions = $(to)/share/bash-completion/completions
completed_sender = weir-outbox weir-sender
completed_receiver = weir-inbox weir-receiver
to = $(DESTDIR)$(PREFIX)
data = install -D -m 644

install: install-sender install-receiver
install-sender install-receiver: install-%: install-common-alone install-%-alone
install-common-alone install-sender-alone install-receiver-alone: install-%-alone: all
	install -d $(to)/bin $(to)/share/doc/weir/examples $(DESTDIR)$(SYSTEMD)/system
	install -m 755 $(patsubst %,$(BUILD)/weir-%,$($*_programs)) $(to)/bin
	for helper in $(helpers_$*); do install -D -m 755 "$$helper" "$(to)/lib/weir/$${helper##*/}" || exit 1; done
	for unit in $(units_$*); do \
		sed 's|/usr/bin/weir|$(PREFIX)/bin/weir|; s|/usr/lib/weir/|$(PREFIX)/lib/weir/|' "$$unit" \
			>"$(DESTDIR)$(SYSTEMD)/system/$${unit##*/}" || exit 1; done
	chmod 644 $(DESTDIR)$(SYSTEMD)/system/*
	$(data) $(of).sysusers $(to)/lib/sysusers.d/$(conf)
	$(data) $(of).tmpfiles $(to)/lib/tmpfiles.d/$(conf)
	$(if $(filter common,$*),$(data) $(of).sysctl $(to)/lib/sysctl.d/60-$(conf))
	$(if $(filter common,$*),,$(data) $(of).network $(DESTDIR)$(SYSTEMD)/network/60-weir-$*.network)
	install -d $(completions)
	$(if $(filter common,$*),install -m 644 common/weir.bash $(completions)/weir-link)
	for program in $(completed_$*); do ln -sf weir-link "$(completions)/$$program" || exit 1; done
	install -m 644 $(examples_$*) $(to)/share/doc/weir/examples
	for page in $(wildcard $*/*.[1-8]); do \
		$(data) $$page $(to)/share/man/man$${page##*.}/$${page##*/} || exit 1; done
	install -m 644 $(if $(filter common,$*),README.md) $(wildcard $*/*.md) $(to)/share/doc/weir
	$(if $(filter common,$*),install -d $(to)/share/doc/weir/hardware-notes)
	$(if $(filter common,$*),install -m 644 hardware-notes/* $(to)/share/doc/weir/hardware-notes)

# The packages, in build/deb: made of a copy of the tree, so that nothing of them is left in it.
version := $(shell sed -n '1s/.*(\(.*\)).*/\1/p' debian/changelog)
copied = Makefile README.md debian common sender receiver systemd hardware-notes
# What whoever calls make has said is not said of them.
others = MAKEFLAGS MFLAGS MAKEOVERRIDES BUILD CC CFLAGS CPPFLAGS LDFLAGS DESTDIR PREFIX SANITIZE WERROR
deb:
	@tests/lib/need-packages build package
	@rm -rf $(BUILD)/deb && mkdir -p $(BUILD)/deb/weir-$(version)
	@cp -a $(copied) $(BUILD)/deb/weir-$(version)/
	@cd $(BUILD)/deb/weir-$(version) && env $(others:%=-u %) DEB_BUILD_OPTIONS="parallel=$(JOBS) noautodbgsym" \
		dpkg-buildpackage -b -uc >../log 2>&1 || { tail -n 20 ../log >&2; exit 1; }
	@rm -rf $(BUILD)/deb/weir-$(version)
	@ls $(BUILD)/deb/*.deb

# For a site without a network, in build/offline.
offline: deb
	@debian/make-offline $(BUILD)/deb $(BUILD)/offline/weir-$(version) 2>$(BUILD)/deb/offline.log || \
		{ tail -n 20 $(BUILD)/deb/offline.log >&2; exit 1; }
	@tar -C $(BUILD)/offline --owner=0 --group=0 -cf $(BUILD)/offline/weir-$(version).tar weir-$(version)
	@sha256sum $(BUILD)/offline/weir-$(version)/SHA256SUMS

check-packages:
	@tests/lib/need-packages build demo test package
	@$(again) $(programs) $(tools)
	@LIMIT=900 $(run) tests/system/packages.sh

clean:
	rm -rf build build-*

.PHONY: all tests test test-main test-threads test-threads-sample test-threads-sample-build sampled-threads \
	run-threads run-threads-sample test-valgrind test-valgrind-sample run-valgrind test-long soak demo bench \
	check-static check-cppcheck check-shellcheck check-tidy check-analyzer coverage covered fuzz fuzz-build fuzzers \
	install install-sender install-receiver install-common-alone install-sender-alone install-receiver-alone deb \
	offline check-packages clean
.SECONDARY:
