"""OpenAI's own client against the server: every format, events, Realtime, a wrong key.

Arguments: ADDRESS:PORT, a key, the folder of the samples, a folder with NAME.24000.pcm of each. `tools/test_server.sh` runs it.
"""

import asyncio
import base64
import re
import sys

import openai

address, key, samples, sounds = sys.argv[1:]
said = {
    "kitchen": "turn on the light in the kitchen",
    "train": "they waited for the train in the little station",
    "winter": "it was a cold day in the middle of winter",
}
client = openai.OpenAI(base_url=f"http://{address}/v1", api_key=key, max_retries=0)


def transcribe(name, **fields):
    with open(f"{samples}/{name}.flac", "rb") as file:
        return client.audio.transcriptions.create(model="whisper-1", file=file, **fields)


models = [model.id for model in client.models.list()]
assert models == ["english"], models
assert client.models.retrieve("english").object == "model"

for name, text in said.items():
    assert transcribe(name).text == text
    assert transcribe(name, response_format="text").strip() == text
    for format in ("srt", "vtt"):
        subtitles = transcribe(name, response_format=format)
        lines = [line for line in subtitles.splitlines() if re.fullmatch("[a-z' ]+", line)]
        assert " ".join(lines) == text and "-->" in subtitles, subtitles
    verbose = transcribe(
        name, response_format="verbose_json", timestamp_granularities=["word", "segment"], temperature=0
    )
    assert verbose.text == text and verbose.duration > 1
    assert [word.word for word in verbose.words] == text.split()
    assert "".join(segment.text for segment in verbose.segments).strip() == text
    assert all(segment.avg_logprob <= 0 and segment.end > segment.start for segment in verbose.segments)

    deltas, done = [], None
    for event in transcribe(name, stream=True):
        if event.type == "transcript.text.delta":
            deltas.append(event.delta)
        else:
            assert event.type == "transcript.text.done", event
            done = event.text
    assert "".join(deltas) == done == text, (deltas, done)

assert "kittens" not in transcribe("kitchen", prompt="Names: Ann, Bob.").text

try:
    transcribe("kitchen", response_format="xml")
    raise SystemExit("a wrong format was taken")
except openai.BadRequestError as error:
    assert "response_format" in str(error), error
try:
    openai.OpenAI(base_url=f"http://{address}/v1", api_key="wrong", max_retries=0).models.list()
    raise SystemExit("a wrong key was taken")
except openai.AuthenticationError as error:
    assert error.status_code == 401, error


def pcm(name):
    with open(f"{sounds}/{name}.24000.pcm", "rb") as file:
        return file.read()


async def realtime():
    client = openai.AsyncOpenAI(base_url=f"http://{address}/v1", api_key=key)
    async with client.realtime.connect(extra_query={"intent": "transcription"}) as connection:
        event = await connection.recv()
        assert event.type == "session.created", event
        await connection.session.update(
            session={
                "type": "transcription",
                "audio": {
                    "input": {
                        "format": {"type": "audio/pcm", "rate": 24000},
                        "transcription": {"model": "gpt-4o-transcribe", "language": "en"},
                        "turn_detection": None,
                    }
                },
            }
        )
        event = await connection.recv()
        assert event.type == "session.updated", event
        for name, text in said.items():
            sound = pcm(name)
            for start in range(0, len(sound), 9600):
                piece = base64.b64encode(sound[start : start + 9600]).decode()
                await connection.input_audio_buffer.append(audio=piece)
            await connection.input_audio_buffer.commit()
            deltas = ""
            while True:
                event = await asyncio.wait_for(connection.recv(), 30)
                if event.type == "conversation.item.input_audio_transcription.delta":
                    deltas += event.delta
                elif event.type == "conversation.item.input_audio_transcription.completed":
                    assert event.transcript == deltas, (event, deltas)
                    print(f"realtime: {event.transcript}")
                    # Resampled twice, a word may come out differently.
                    same = sum(a == b for a, b in zip(event.transcript.split(), text.split()))
                    assert same >= len(text.split()) - 1, event
                    break
                else:
                    assert event.type == "input_audio_buffer.committed", event


asyncio.run(realtime())
print(f"openai {openai.__version__}: as expected")
