# Echo to Raft: the front door.  `make help` lists the targets on one screen.

.DEFAULT_GOAL := help
PYTHON ?= python3
VENV ?= .venv
WORK ?= labs
OUT ?= out
export WORK OUT CACHE SEED STAGE ALL BORROW ISOLATION REPEAT VALGRIND ARGS PROGRAM TIER TRACE RELEASE BOOK_LANG HEX FILE FORMAT
export DURATION KILLS N CONFIG SUBMISSIONS LAB POLICY LATE LAYOUT SCHEDULER WORKERS MINUTES

# Grading ends with 1 where a stage failed, and with 2 where the grader or its use is at fault.  make itself ends with 1
# only in question mode (-q), for a recipe line that it would have to run; lines with a + run all the same.
grading := $(filter lab% grade,$(MAKECMDGOALS))
ifneq ($(grading),)
MAKEFLAGS += -q
ifneq ($(filter-out lab% grade,$(MAKECMDGOALS)),)
$(error grading goes alone: leave out $(filter-out lab% grade,$(MAKECMDGOALS)))
endif
endif
MAKEFLAGS += -r
status := $(VENV)/status-$(shell echo $$PPID)

python := "$(VENV)/bin/python"
grader := $(python) -I grader/__main__.py

help:
	@cat grader/help.txt

# --- the student's day ---

lab%: graded-%
	$(if $(shell cat '$(status)' 2>/dev/null; rm -f '$(status)'),@a main stage failed)

grade: graded-all
	$(if $(shell cat '$(status)' 2>/dev/null; rm -f '$(status)'),@a main stage failed)

graded-%: $(VENV)/student
	+@$(grader) lab $* || { code=$$?; [ $$code -eq 1 ] && echo 1 >'$(status)' || exit $$code; }

graded-all: $(VENV)/student
	+@$(grader) grade || { code=$$?; [ $$code -eq 1 ] && echo 1 >'$(status)' || exit $$code; }

build%: $(VENV)/student
	@$(grader) build $*

run%: $(VENV)/student
	@$(grader) run $*

stages debug hint replay explain kit: $(VENV)/student
	@$(grader) $@ $(LAB)

cluster soak: $(VENV)/student
	@$(python) -m grader.$@

client: $(VENV)/student
	@$(python) -m grader.cluster_client

bench: $(VENV)/$(if $(filter class,$(LAB)),class,bench)
	@$(grader) bench $(LAB)

doctor:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	{ echo "doctor: Python 3.11 or later is missing ($(PYTHON) is not one)"; exit 1; }
	@$(MAKE) -s $(VENV)/student && $(grader) doctor

# --- the instructor's ---

# An option of class mode for a variable that is set, and a switch for one that is 1.
option = $(if $($(1)),--$(2) "$$$(1)")
switch = $(if $(filter-out 0,$($(1))),--$(2))

# A class has a folder of its own, unless OUT names one: the other targets' is removed by make clean.
class class-report: export OUT := $(if $(filter file,$(origin OUT)),graded/lab$(LAB),$(OUT))

class: $(VENV)/class
	@$(python) -m grader.classroom grade "$$SUBMISSIONS" --lab "$$LAB" --out "$$OUT" \
	$(call option,SEED,seed) $(call option,POLICY,policy) $(call option,LATE,late) \
	$(call option,LAYOUT,layout) $(call option,SCHEDULER,scheduler) $(call option,WORKERS,workers) \
	$(call switch,SEED_PER_STUDENT,seed-per-student) $(call switch,RETRY,retry) \
	$(call switch,ONLY_CHANGED,only-changed) $(call switch,UNSAFE,unsafe)

class-report: $(VENV)/class
	@$(python) -m grader.classroom report "$$OUT" $(call option,POLICY,policy) $(call option,LATE,late)

similarity: $(VENV)/class
	@$(python) -m grader.classroom $@ "$$SUBMISSIONS" --lab "$$LAB" --out "$$OUT" $(call option,LAYOUT,layout)

gradescope autolab github-classroom: $(VENV)/class
	@$(python) -m grader.classroom $@ --lab "$$LAB" --out "$$OUT" $(call option,SEED,seed) \
	$(call option,POLICY,policy) $(call option,MINUTES,minutes) $$ARGS

# --- the toolkit's own tests ---

test: $(VENV)/dev
	@$(python) -m pytest $(ARGS)

matrix: $(VENV)/dev
	@$(python) -m grader.selftest.matrix

fuzz: WORK = solutions
fuzz: $(VENV)/student
	@$(python) -m grader.fuzz

lint: $(VENV)/dev
	@$(python) -m grader.selftest.lint

book: $(VENV)/book
	@$(python) -m sphinx -q -W --keep-going -c handouts . "$$OUT/book/html" && \
	echo "the book is in $$OUT/book/html/handouts/index.html"

clean:
	rm -rf "$$OUT"

# --- set-up: the first target that needs it does it ---

$(VENV)/%: grader/requirements/%.txt $(VENV)/bin/python
	+@echo "setting up: the Python packages for '$*' (once)"
	+@$(python) -m pip install --quiet --disable-pip-version-check --require-hashes -r $< && touch '$@' || \
	{ echo "set-up failed: pip can't install grader/requirements/$*.txt (no network?)" >&2; exit 2; }

$(VENV)/bin/python:
	+@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	{ echo "set-up failed: '$(PYTHON)' is no Python 3.11 or later; PYTHON=/path/to/python3.11 names another" >&2; exit 2; }
	+@$(PYTHON) -m venv '$(VENV)' || \
	{ rm -rf '$(VENV)'; echo "set-up failed: no venv module (Debian: apt-get install python3-venv)" >&2; exit 2; }

.PHONY: help grade stages debug hint replay explain cluster soak client bench kit class class-report similarity gradescope autolab github-classroom doctor test matrix fuzz lint book clean
.PRECIOUS: $(VENV)/bin/python $(VENV)/%
