"""Packages are found by walking, so that a new folder needs no line anywhere; the rest is in setup.cfg.

The shipped data lie in top-level folders of the checkout and travel inside the package (see accelsim/shipped.py).
"""

from setuptools import find_packages, setup

SHIPPED = {f"accelsim.shipped_data.{folder}": folder for folder in ("arch_configs", "workloads", "traces")}

setup(packages=[*find_packages(include=["accelsim", "accelsim.*"]), *SHIPPED],
      package_dir={"accelsim": "accelsim"} | SHIPPED)
