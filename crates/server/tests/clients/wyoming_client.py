"""Wyoming's own client against the server.

Arguments: ADDRESS:PORT, 16-bit samples at 16 kHz, what is said in them. `tools/test_server.sh` runs it.
"""

import asyncio
import sys

from wyoming.asr import Transcribe, Transcript, TranscriptChunk, TranscriptStart, TranscriptStop
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.client import AsyncTcpClient
from wyoming.info import Describe, Info
from wyoming.ping import Ping, Pong

address, recording, text = sys.argv[1:]
host, port = address.rsplit(":", 1)


async def main():
    with open(recording, "rb") as file:
        sound = file.read()
    async with AsyncTcpClient(host, int(port)) as client:
        await client.write_event(Describe().event())
        info = Info.from_event(await client.read_event())
        assert info.asr[0].supports_transcript_streaming and info.asr[0].models[0].name == "english", info
        await client.write_event(Ping(text="there?").event())
        assert Pong.from_event(await client.read_event()).text == "there?"
        for _ in range(2):
            await client.write_event(Transcribe(language="en", transcript_names=["Ann"], transcript_terms=["kitchen"]).event())
            await client.write_event(AudioStart(rate=16000, width=2, channels=1).event())
            for start in range(0, len(sound), 2048):
                piece = sound[start : start + 2048]
                await client.write_event(AudioChunk(rate=16000, width=2, channels=1, audio=piece).event())
            await client.write_event(AudioStop().event())
            event = await client.read_event()
            assert TranscriptStart.is_type(event.type), event
            chunks = ""
            while True:
                event = await asyncio.wait_for(client.read_event(), 30)
                if TranscriptChunk.is_type(event.type):
                    chunks += TranscriptChunk.from_event(event).text
                elif Transcript.is_type(event.type):
                    transcript = Transcript.from_event(event).text
                else:
                    assert TranscriptStop.is_type(event.type), event
                    break
            assert transcript == chunks == text, (transcript, chunks, text)


asyncio.run(main())
print("wyoming: as expected")
