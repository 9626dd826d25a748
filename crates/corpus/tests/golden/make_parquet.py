"""Makes the tables of tests/parquet.rs as data sets of Hugging Face are laid out. Requires pyarrow (26.0.1 made those here).

    python crates/corpus/tests/golden/make_parquet.py
"""

import json
import pathlib
import struct

import pyarrow
import pyarrow.parquet

RATE_HZ = 8000
TEXTS = ["one", "two words", "three words here", "", "é"]


def wav(samples):
    data = struct.pack(f"<{len(samples)}h", *samples)
    form = struct.pack("<HHIIHH", 1, 1, RATE_HZ, 2 * RATE_HZ, 2, 16)
    return (
        b"RIFF" + struct.pack("<I", 36 + len(data)) + b"WAVEfmt " + struct.pack("<I", 16) + form
        + b"data" + struct.pack("<I", len(data)) + data
    )


def main():
    folder = pathlib.Path(__file__).parent
    files = [wav([(100 * (n + 1) * i) % 30000 for i in range(40 * (n + 1))]) for n in range(5)]
    audio = pyarrow.array(
        [{"bytes": file, "path": f"{n}.flac"} for n, file in enumerate(files)],
        pyarrow.struct([("bytes", pyarrow.binary()), ("path", pyarrow.string())]),
    )
    features = {"info": {"features": {"audio": {"sampling_rate": RATE_HZ, "_type": "Audio"}}}}
    text = pyarrow.array(TEXTS)

    def write(name, columns, **options):
        table = pyarrow.table(columns).replace_schema_metadata({"huggingface": json.dumps(features)})
        pyarrow.parquet.write_table(table, folder / f"{name}.parquet", **options)

    ids = pyarrow.array([f"103-1240-{n:04}" for n in range(5)])
    speaker = pyarrow.array([103, 103, 1034, 1034, 7], pyarrow.int64())
    librispeech = {"file": ids, "audio": audio, "text": text, "speaker_id": speaker, "chapter_id": speaker, "id": ids}
    write("librispeech", librispeech, row_group_size=2)
    client = pyarrow.array(["aa", "aa", "bb", None, "cc"])
    votes = pyarrow.array([[1], [], [2, 3], None, [4]], pyarrow.list_(pyarrow.int64()))
    common_voice = {"client_id": client, "path": ids, "audio": audio, "sentence": text, "votes": votes}
    write("common_voice", common_voice, compression="zstd", data_page_version="2.0", write_page_index=True)
    plain = {"transcription": text.cast(pyarrow.large_string()), "audio": pyarrow.array(files, pyarrow.large_binary())}
    write("plain", plain, compression="none", use_dictionary=False)


if __name__ == "__main__":
    main()
