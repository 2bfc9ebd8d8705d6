/* Cores, their governor, and where interrupts go. */
#include "common/remedy.h"
#include "tests/lib/checks.h"

static struct config config = {.side = CONFIG_RECEIVER, .interface = "weir0"};

static void test_cores(void)
{
	finds(check_cores, &config, "green cores: this machine does not tell", "where the kernel does not tell it is green");
	box_put("/sys/devices/system/cpu/online", "0\n");
	finds(check_cores, &config, "amber cores: 1; type: give the box two cores", "a single core is amber");
	box_put("/sys/devices/system/cpu/online", "0-1,4,8-9\n");
	finds(check_cores, &config, "green cores: 5", "several are green");
	box_put("/sys/devices/system/cpu/online", "0-3\n");
}

static void test_governor(void)
{
	const struct remedy remedy = {REMEDY_GOVERNOR, "scaling_governor", "performance"};
	char text[32] = "";
	finds(check_cores, &config, "green governor: this machine does not tell", "without a governor it is green");
	box_put("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "performance\n");
	box_put("/sys/devices/system/cpu/cpu1/cpufreq/scaling_governor", "powersave\n");
	box_put("/sys/devices/system/cpu/cpufreq/boost", "1\n");
	is_text(found(check_cores, &config, "governor"), "amber governor: powersave at 1 of 2 cores; type: "
		"echo performance | tee /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor", "a core that may be slowed down is amber");
	is_number(remedy_apply(&remedy, test_dir()), 0, "it can be set");
	FILE *file = fopen(test_path("sys/devices/system/cpu/cpu1/cpufreq/scaling_governor"), "re");
	ok(file != NULL && fgets(text, sizeof(text), file) != NULL && strncmp(text, "performance", 11) == 0, "and is then another one");
	if (file != NULL)
		fclose(file);
	finds(check_cores, &config, "green governor: performance at all 2 cores", "which is green");
}

static void test_interrupts(void)
{
	finds(check_cores, &config, "green interrupts: this machine does not tell of interrupts of weir0", "without interrupts it is green");
	box_put("/proc/interrupts", "           CPU0       CPU1\n  24:   1   0   PCI-MSI 5-edge      weir0-TxRx-0\n  25:   1   0   PCI-MSI 6-edge      "
				    "weir01-TxRx-0\n  26:   1   0   PCI-MSI 6-edge      ahci, weir0-TxRx-1\n NMI:  0  0  Non-maskable interrupts\n");
	box_put("/proc/irq/24/smp_affinity_list", "2\n");
	box_put("/proc/irq/25/smp_affinity_list", "2\n");
	box_put("/proc/irq/26/effective_affinity_list", "0\n");
	box_put("/proc/irq/26/smp_affinity_list", "0-3\n");
	box_put("/proc/1/comm", "systemd\n");
	finds(check_cores, &config, "green interrupts: 2 of weir0; weir-catch may run on any core", "a daemon that runs nowhere is held to no core");
	box_put("/proc/77/comm", "weir-catch\n");
	box_put("/proc/77/status", "Name:\tweir-catch\nCpus_allowed:\tf\nCpus_allowed_list:\t0-3\n");
	finds(check_cores, &config, "green interrupts: 2 of weir0; weir-catch may run on any core", "nor is one that may run on all");
	box_put("/proc/77/status", "Name:\tweir-catch\nCpus_allowed:\t4\nCpus_allowed_list:\t2\n");
	finds(check_cores, &config, "amber interrupts: 1 of the 2 of weir0 come to the core that weir-catch is held to; type: "
	      "echo CORE >/proc/irq/24/smp_affinity_list", "an interrupt on its only core is amber");
	box_put("/proc/irq/24/smp_affinity_list", "1-2\n");
	finds(check_cores, &config, "green interrupts: 0 of the 2 of weir0", "one that may go elsewhere is green");
	box_put("/sys/class/net/weir0/msi_irqs/25", "msix\n");
	box_put("/sys/class/net/weir0/device/modalias", "virtio\n");
	finds(check_cores, &config, "amber interrupts: 1 of the 1 of weir0 come", "those of the device count before their names");
}

static void test_rps(void)
{
	finds(check_cores, &config, "green rps: this machine does not tell", "without queues it is green");
	box_put("/sys/class/net/weir0/queues/rx-0/rps_cpus", "00000000,00000000\n");
	box_put("/sys/class/net/weir0/queues/tx-0/xps_cpus", "3\n");
	finds(check_cores, &config, "green rps: off at weir0", "a queue that hands on nothing is green");
	box_put("/sys/class/net/weir0/queues/rx-1/rps_cpus", "00000000,0000000c\n");
	finds(check_cores, &config, "amber rps: on at weir0: rx-1 is 00000000,0000000c; type: for q in /sys/class/net/weir0/", "one that does is amber");
}

int main(void)
{
	test_cores();
	test_governor();
	test_interrupts();
	test_rps();
	return done_testing();
}
