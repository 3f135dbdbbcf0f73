"""The venue's pure heart: model, matching core, journal, sequencer, replay."""
