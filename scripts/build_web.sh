#!/usr/bin/env bash
# Downloads ONNX Runtime's WebAssembly from npm, with pinned version and hashes, so that the page of
# `genderscope serve` can run the network in the browser. Needs npm.
set -euo pipefail
cd "$(dirname "$0")/.."

package=onnxruntime-web@1.30.0
target=src/genderscope/server/web/onnxruntime
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

npm pack "$package" --silent --pack-destination "$work" >/dev/null
tar -xzf "$work"/onnxruntime-web-*.tgz -C "$work" --strip-components=2 \
    package/dist/ort.wasm.bundle.min.mjs package/dist/ort-wasm-simd-threaded.wasm
(cd "$work" && sha256sum --check --quiet - <<'HASHES'
11e64bd8ffe11bd1a2a2f0d6275fdfbbba7262f0b76b99b53d228a8a22ef3d90  ort.wasm.bundle.min.mjs
3398c10d07d229bd91b364548e130e0e51a8e5704b88c7c083ebbeb78842dee2  ort-wasm-simd-threaded.wasm
HASHES
)
mkdir -p "$target"
mv "$work"/ort.wasm.bundle.min.mjs "$work"/ort-wasm-simd-threaded.wasm "$target"
echo "$package is in $target"
