"""x"""
from __future__ import annotations
import sys
from pathlib import Path
from grader.run import isolation
from grader.run.runtime import runtime_folder
from grader.run.sandbox import Sandbox
from grader.run.build import Builder, build_keeper, compiler
from grader.labs import LABS
from grader import engine

class R:
    def begin(self, stage): print("...", stage.id, stage.title, flush=True)
    def done(self, r):
        print(r.id, r.verdict, r.unstable, r.duration_s, r.note)
        if r.failure:
            f=r.failure
            print(f.summary, '|', f.diagnosis, '|', f.process); print("\n".join(f.transcript)); print(f.stderr, f.output)
            if f.diff: print("\n".join(f.diff.rows))

def main():
    work=Path(sys.argv[1]).resolve(); out=Path('/tmp/out'); 
    iso=isolation.enter(sys.argv[3] if len(sys.argv)>3 else None)
    print(iso)
    with runtime_folder() as folder:
        comp=compiler()
        keeper=build_keeper(folder, out/'build', comp)
        sb=Sandbox(iso, folder, keeper); sb.own(sb.scratch)
        b=Builder(sb, work, (LABS[0].folder,), out/'build', comp)
        r=engine.run(engine.Plan(LABS[0],1,sys.argv[2] if len(sys.argv)>2 and sys.argv[2] else None), sb,b,out/'traces',R())
        print(r.points, r.exit_status())
