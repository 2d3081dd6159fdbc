import pytest
import yaml

from edt.tracking.local import EVENTS, LocalTracker, read_events
from edt.tracking.none import NoTracker


def test_events_are_lines_of_json_in_order(tmp_path):
    tracker = LocalTracker()
    tracker.start({"seed": 0, "scale": {"name": "96"}}, tmp_path / "run")
    tracker.log("round", {"index": 1, "text": "Ä"})
    tracker.finish("finished")
    events = read_events(tmp_path / "run")
    assert [event["event"] for event in events] == ["start", "round", "finish"]
    assert events[1]["text"] == "Ä"
    assert yaml.safe_load((tmp_path / "run" / "config.yaml").read_text()) == {"seed": 0, "scale": {"name": "96"}}


def test_a_line_cut_off_by_a_kill_is_left_out(tmp_path):
    tracker = LocalTracker()
    tracker.start({}, tmp_path)
    with (tmp_path / "events.jsonl").open("a") as stream:
        stream.write('{"event": "rou')
    assert [event["event"] for event in read_events(tmp_path)] == ["start"]


def test_logging_before_the_start_is_a_mistake():
    with pytest.raises(ValueError, match="start the tracker"):
        LocalTracker().log("round", {})


def test_nobody_is_told_by_the_null_tracker(tmp_path):
    tracker = NoTracker()
    tracker.start({}, tmp_path)
    tracker.log("round", {})
    tracker.finish("finished")
    assert list(tmp_path.iterdir()) == []


def test_events_after_a_line_that_was_cut_off_or_is_no_text_are_kept(tmp_path):
    (tmp_path / EVENTS).write_bytes(b'{"event": "start"}\n{"event": "rou\xff')
    LocalTracker().start({}, tmp_path)
    assert [event["event"] for event in read_events(tmp_path)] == ["start", "start"]
