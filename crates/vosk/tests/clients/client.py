"""The Python package vosk over Stonechat's libvosk: client.py MODEL FOLDER PCM SAID. Fails where anything differs from what Vosk's users expect."""

import json
import sys
import threading

import vosk

RATE = 16000.0


def chunks(pcm, size=8000):
    return (pcm[at : at + size] for at in range(0, len(pcm), size))


def finish(recognizer, pcm, size=8000):
    """All results of a recording."""
    results = []
    for chunk in chunks(pcm, size):
        if recognizer.AcceptWaveform(chunk):
            results.append(json.loads(recognizer.Result()))
    results.append(json.loads(recognizer.FinalResult()))
    return results


def text(results):
    return " ".join(result["text"] for result in results if result["text"])


def check(condition, what):
    if not condition:
        sys.exit(f"not so: {what}")


def texts(model, pcm, said):
    recognizer = vosk.KaldiRecognizer(model, RATE)
    results = finish(recognizer, pcm)
    check(text(results) == said, results)
    check(all("result" not in result for result in results), "words nobody asked for")
    # After the final result, and after Reset, another recording.
    check(text(finish(recognizer, pcm)) == said, "a second recording")
    recognizer.AcceptWaveform(pcm[: len(pcm) // 2])
    recognizer.Reset()
    check(json.loads(recognizer.PartialResult())["partial"] == "", "nothing after Reset")
    for size in (2, 320, 4001 * 2, len(pcm)):
        check(text(finish(recognizer, pcm, size)) == said, f"pieces of {size} bytes")
    check(json.loads(vosk.KaldiRecognizer(model, RATE).FinalResult()) == {"text": ""}, "no audio, no text")


def words(model, pcm, said):
    recognizer = vosk.KaldiRecognizer(model, RATE)
    recognizer.SetWords(True)
    recognizer.SetPartialWords(True)
    partials = []
    for chunk in chunks(pcm):
        check(not recognizer.AcceptWaveform(chunk), "the sample is one utterance")
        partials.append(json.loads(recognizer.PartialResult()))
    result = json.loads(recognizer.FinalResult())
    check([word["word"] for word in result["result"]] == said.split(), result)
    for word in result["result"]:
        check(set(word) == {"conf", "start", "end", "word"}, word)
        check(0 <= word["conf"] <= 1 and word["start"] < word["end"], word)
    spoken = [partial for partial in partials if partial["partial"]]
    check(len(spoken) >= 2 and spoken[0]["partial"] != spoken[-1]["partial"], partials)
    for partial in spoken:
        heard = " ".join(word["word"] for word in partial["partial_result"])
        check(heard == partial["partial"], partial)


def alternatives(model, pcm, said):
    recognizer = vosk.KaldiRecognizer(model, RATE)
    recognizer.SetMaxAlternatives(3)
    recognizer.SetWords(True)
    recognizer.AcceptWaveform(pcm)
    found = json.loads(recognizer.FinalResult())["alternatives"]
    check(1 < len(found) <= 3 and found[0]["text"] == said, found)
    check(found[0]["confidence"] >= found[1]["confidence"], found)
    check([word["word"] for word in found[0]["result"]] == said.split(), found[0])


def grammar(model, pcm, said):
    inside = json.dumps([said, "turn off the radio"])
    recognizer = vosk.KaldiRecognizer(model, RATE, inside)
    check(text(finish(recognizer, pcm)) == said, "a phrase of the grammar")
    other = vosk.KaldiRecognizer(model, RATE, json.dumps(["it was a cold day", "[unk]"]))
    heard = text(finish(other, pcm))
    check(set(heard.split()) <= {"[unk]"} and heard, f"unknown speech is [unk]: {heard}")
    other.SetGrammar(inside)
    check(text(finish(other, pcm)) == said, "another grammar")
    try:
        vosk.KaldiRecognizer(model, RATE, "lights on")
    except Exception as error:
        check(str(error) == "Failed to create a recognizer", error)
    else:
        sys.exit("a grammar that is no JSON was taken")


def utterances(model, pcm, said):
    silence = bytes(2 * int(RATE) * 3)
    recognizer = vosk.KaldiRecognizer(model, RATE)
    recognizer.SetWords(True)
    results = finish(recognizer, silence + pcm + silence + pcm + silence)
    heard = [result for result in results if result["text"]]
    check([result["text"] for result in heard] == [said, said], results)
    starts = [result["result"][0]["start"] for result in heard]
    check(starts[1] > starts[0] + 3, f"times go on: {starts}")
    # One piece that holds both is one result, and nothing is lost.
    whole = finish(recognizer, silence + pcm + silence + pcm + silence, 1 << 30)
    check(text(whole) == f"{said} {said}", whole)


def threads(model, pcm, said):
    """Recognizers of one model in several threads."""
    heard = []

    def work():
        heard.append(text(finish(vosk.KaldiRecognizer(model, RATE), pcm)))

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    check(heard == [said] * 4, heard)


def main():
    path, folder, pcm, said = sys.argv[1:]
    with open(pcm, "rb") as file:
        pcm = file.read()
    vosk.SetLogLevel(-1)
    model = vosk.Model(path)
    for test in (texts, words, alternatives, grammar, utterances, threads):
        test(model, pcm, said)
        print(f"{test.__name__}: as expected")
    check(text(finish(vosk.KaldiRecognizer(vosk.Model(folder), RATE), pcm)) == said, "a folder")
    check(model.vosk_model_find_word("kitchen") >= 0, "a known word")
    check(model.vosk_model_find_word("qqqzzz") == -1, "an unknown word")
    for make in (lambda: vosk.Model("no/such/model"), lambda: vosk.SpkModel(path), lambda: vosk.BatchModel(path)):
        try:
            make()
        except Exception as error:
            check(str(error).startswith("Failed to create"), error)
        else:
            sys.exit("what cannot be made was made")
    rate = vosk.KaldiRecognizer(model, 8000.0)
    check(rate.AcceptWaveform(bytes(1600)) == 0, "another rate")
    print("folder, words, failures, rates: as expected")


main()
