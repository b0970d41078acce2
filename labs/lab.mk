# lab.mk - the one set of build rules for the C of all labs.
#
#   make -f lab.mk BUILD=judge judge/echo_server
#
# The folder it runs in holds include/, host/ and the lab folders, as labs/ does.  A program is linked from its own
# file, from every module (a .c file without main) of its lab's folder, and from what it needs of the modules of the
# labs before it.

BUILD ?= judge
CC ?= cc

# The programs of each lab: files that hold a main.  Every other .c file of a lab's folder is a module.
programs_lab1-echo := echo_server echo_client echo_threads udp_echo_server udp_echo_client
programs_lab2-loop := loop_server select_client pool_server http_server http_get
programs_lab3-resp := kv_server kv_client
programs_lab4-message := rpc_server rpc_client

# Given programs, from host/NAME.c and host/NAME_*.c, around the modules of a lab.
given_lab2-loop := loop_driver
given_lab3-resp := resp_driver
given_lab4-message := message_driver
given_lab5-election := raft_node raft_pools raft_sim lanes_driver
given_lab6-replication := kvraft replication_sim storage_driver paxos_sim

# What given programs share.
shared_resp_driver := host/jobs.c
shared_message_driver := host/jobs.c
shared_raft_node := host/no_replication.c
shared_raft_pools := host/no_replication.c $(patsubst %,host/raft_node_%.c,cluster core options requests vote)
shared_kvraft := $(patsubst %,host/raft_node_%.c,cluster options)
shared_raft_sim := host/no_replication.c host/jobs.c host/sim.c
shared_lanes_driver := host/no_replication.c
shared_storage_driver := host/jobs.c

# Lab 6 has a program of lab 5 once more, around its own modules.
main_replication_sim := host/raft_sim.c
shared_replication_sim := host/jobs.c host/sim.c
shared_paxos_sim := host/jobs.c host/sim.c

# judge: what verdicts come from.  faults: the same objects, with the system calls routed through host/faults.c.
# plain: what sanitizers forbid, and benchmarks.  threads: data races.
flags_judge := -O1 -U_FORTIFY_SOURCE -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
flags_faults := $(flags_judge)
flags_plain := -O2 -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
flags_threads := -O1 -U_FORTIFY_SOURCE -fno-omit-frame-pointer -fsanitize=thread

CFLAGS := -std=c11 -D_GNU_SOURCE -g -Wall -Wextra -Wpedantic -pthread -Iinclude
LDLIBS := -pthread

# What the fault build intercepts.
faulty := read readv recv recvfrom recvmsg write writev send sendto sendmsg accept accept4 \
    select pselect poll ppoll epoll_wait epoll_pwait epoll_pwait2 clock_gettime gettimeofday time
wrap := $(faulty:%=-Wl,--wrap=%)

labs := lab1-echo lab2-loop lab3-resp lab4-message lab5-election lab6-replication
uses_lab2-loop := lab1-echo
uses_lab3-resp := lab2-loop lab1-echo
uses_lab4-message := lab2-loop lab1-echo
uses_lab5-election := lab4-message lab3-resp lab2-loop lab1-echo
uses_lab6-replication := lab5-election lab4-message lab3-resp lab2-loop lab1-echo

# $(call modules,LAB): the modules in a lab's folder.  $(call objects,FILES): what they compile to.
modules = $(filter-out $(programs_$(1):%=$(1)/%.c),$(sort $(wildcard $(1)/*.c)))
objects = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))

# $(call program,LAB,NAME,FILE)
define program
$(BUILD)/$(2): $(call objects,$(3) $(call modules,$(1)) $(if $(filter faults,$(BUILD)),host/faults.c)) \
    $(uses_$(1):%=$(BUILD)/%.a)
	@cat /dev/null $$(patsubst %.o,%.txt,$$(filter %.o,$$^)) >&2
	$$(CC) $(flags_$(BUILD)) $(if $(filter faults,$(BUILD)),$(wrap)) -o $$@ $$^ $$(LDLIBS)
endef

$(foreach lab,$(labs),$(foreach p,$(programs_$(lab)),$(eval $(call program,$(lab),$(p),$(lab)/$(p).c))))
$(foreach lab,$(labs),$(foreach p,$(given_$(lab)),$(eval $(call program,$(lab),$(p),$(or $(main_$(p)),host/$(p).c) $(sort $(wildcard host/$(p)_*.c)) $(shared_$(p))))))

# An archive gives only what is asked for, so a name may occur again in a later lab.
define archive
$(BUILD)/$(1).a: $(call objects,$(call modules,$(1)))
	@cat /dev/null $$(^:.o=.txt) >&2
	rm -f $$@ && ar rcs $$@ $$^
endef

$(foreach lab,$(labs),$(eval $(call archive,$(lab))))

# What the compiler says of a file lies beside its object, and is shown when that is linked.  The .d file lists what it
# read.
$(BUILD)/obj/%.o: %.c $(wildcard include/*.h host/*.h $(labs:%=%/*.h))
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(flags_$(BUILD)) -MMD -MF $(@:.o=.d) -c -o $@ $< 2>$(@:.o=.txt) || \
	{ cat $(@:.o=.txt) >&2; exit 1; }
