/*
 * otherxdp INTERFACE: attaches an XDP program that lets everything pass, as somebody might who knows nothing of Weir.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
	const struct bpf_insn pass[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = XDP_PASS},
		{.code = BPF_JMP | BPF_EXIT},
	};
	unsigned int index = argc == 2 ? if_nametoindex(argv[1]) : 0;
	if (index == 0) {
		fprintf(stderr, "usage: otherxdp INTERFACE\n");
		return 2;
	}
	int fd = bpf_prog_load(BPF_PROG_TYPE_XDP, "other", "GPL", pass, 2, NULL);
	int result = fd < 0 ? fd : bpf_xdp_attach((int)index, fd, XDP_FLAGS_DRV_MODE, NULL);
	if (result < 0)
		fprintf(stderr, "otherxdp: %s\n", strerror(-result));
	return result < 0;
}
