"""A tab of Chromium that reads a channel, whatever befalls its hub."""

import json
import subprocess
import threading
from pathlib import Path

from hub import PATIENCE, within

READERS = ('goldcrest.js', 'EventSource')


class Tab:
    """What each of the tab's two readers hears: (id, data) for an event, (id, {…}) for a gap: what it says, and where it ends."""

    def __init__(self, port, channel):
        self.heard = {reader: [] for reader in READERS}
        self.open = False
        script = Path(__file__).with_name('tab.mjs')
        self.process = subprocess.Popen(
            ['node', str(script), f'http://127.0.0.1:{port}/', channel], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        threading.Thread(target=self.listen, daemon=True).start()

    def __enter__(self):
        self.until('it opens', lambda: self.open)
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()

    def listen(self):
        for line in self.process.stdout:
            said = json.loads(line)
            if 'by' in said:
                self.heard[said['by']].append((said['id'], said.get('data', said.get('gap'))))
            self.open = True

    def until(self, what, done):
        def reached():
            assert self.process.poll() is None, 'the tab has ended'
            return done()

        try:
            within(PATIENCE, what, reached)
        except AssertionError as error:
            ends = {reader: heard[-3:] for reader, heard in self.heard.items()}
            raise AssertionError(f'{error}; the last that the tab heard: {ends}') from None

    def count(self):
        """How many events both readers have."""
        return min(sum(isinstance(data, str) for _, data in heard) for heard in self.heard.values())

    def more(self, number):
        """Waits for so many events more than there are."""
        due = self.count() + number
        self.until(f'{number} events more come', lambda: self.count() >= due)

    def has(self, life):
        """Waits until both readers have the last event of a life of the hub."""
        self.until('the tab has all', lambda: all(life[-1] in heard for heard in self.heard.values()))

    def has_heard(self, lives):
        """Both readers have each event of these lives of the hub, once, in order, and where one followed another a gap."""
        self.has(lives[-1])
        expected = list(lives[0])
        for life in lives[1:]:
            epoch = life[0][0].partition('-')[0]
            # Of a log that is gone nobody knows how much is missing.
            expected += [(f'{epoch}-0', {}), *life]
        for reader, heard in self.heard.items():
            for at, pair in enumerate(expected):
                assert heard[at] == pair, f'{reader} in the tab has {heard[at]} where {pair} should be, behind {heard[:at][-1:]}'
