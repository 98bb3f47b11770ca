"""A tab of Chromium that reads a channel while its hub is killed and restarted."""

import json
import subprocess
import threading
from pathlib import Path

from hub import PATIENCE, within

READERS = ('goldcrest.js', 'EventSource')


class Tab:
    """The items that each of the tab's two readers received: (id, data) for an event, (id, {…}) for a gap that ends at id."""

    def __init__(self, port, channel):
        self.received = {reader: [] for reader in READERS}
        self.open = False
        script = Path(__file__).with_name('tab.mjs')
        self.process = subprocess.Popen(
            ['node', str(script), f'http://127.0.0.1:{port}/', channel], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        threading.Thread(target=self.listen, daemon=True).start()

    def __enter__(self):
        self.until('the tab opens', lambda: self.open)
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()

    def listen(self):
        for line in self.process.stdout:
            item = json.loads(line)
            if 'by' in item:
                self.received[item['by']].append((item['id'], item.get('data', item.get('gap'))))
            self.open = True

    def until(self, condition, done):
        def reached():
            assert self.process.poll() is None, f'the tab ended with status {self.process.poll()}'
            return done()

        try:
            within(PATIENCE, condition, reached)
        except AssertionError as error:
            ends = {reader: items[-3:] for reader, items in self.received.items()}
            raise AssertionError(f'{error}; the last items of the tab: {ends}') from None

    def count(self):
        """The number of events that both readers have."""
        return min(sum(isinstance(data, str) for _, data in items) for items in self.received.values())

    def more(self, number):
        """Waits for so many further events."""
        due = self.count() + number
        self.until(f'{number} further events', lambda: self.count() >= due)

    def has(self, run):
        """Waits until both readers have the last event of a run of the hub."""
        self.until('both readers have the last event', lambda: all(run[-1] in items for items in self.received.values()))

    def has_received(self, runs):
        """Asserts that both readers have each event of these runs of the hub, once and in order, with a gap between two runs."""
        self.has(runs[-1])
        expected = list(runs[0])
        for run in runs[1:]:
            epoch = run[0][0].partition('-')[0]
            # The log of the run before is lost: the number of missed events is unknown.
            expected += [(f'{epoch}-0', {}), *run]
        for reader, items in self.received.items():
            for at, pair in enumerate(expected):
                assert items[at] == pair, f'{reader}: expected {pair}, found {items[at]}, after {items[:at][-1:]}'
