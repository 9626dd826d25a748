#!/bin/sh
# Installs the peers (Debian, as root): their packages, and a Python with the others under FOLDER.
#
#   benches/peers/setup.sh FOLDER
set -e
apt-get install -q -y --no-install-recommends g++ python3-venv libgemmlowp-dev libxnnpack-dev libpthreadpool-dev libdnnl-dev
python3 -m venv "$1"
"$1/bin/pip" install -q numpy onnx onnxruntime torch onednn-cpu-gomp onednn-devel-cpu-gomp
