# Echo to Raft: the front door.  `make help` lists the targets on one screen.

.DEFAULT_GOAL := help
PYTHON ?= python3
VENV ?= .venv
WORK ?= labs
OUT ?= out
export WORK OUT SEED STAGE ALL BORROW ISOLATION REPEAT VALGRIND ARGS PROGRAM TIER TRACE RELEASE BOOK_LANG HEX FILE FORMAT

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

bench: $(VENV)/bench
	@$(grader) bench $(LAB)

doctor:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	{ echo "doctor: Python 3.11 or later is missing ($(PYTHON) is not one)"; exit 1; }
	@$(MAKE) -s $(VENV)/student && $(grader) doctor

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

.PHONY: help grade stages debug hint replay explain bench kit doctor test matrix fuzz lint book clean
.PRECIOUS: $(VENV)/bin/python $(VENV)/%
