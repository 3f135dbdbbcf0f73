"""Commands about a data folder, as people type them."""

from gateway.cli import main


def typed_about(data, capsys):
    """Types a command; (exit code, what it printed, what it complained of)."""

    def typed(*words):
        code = main([str(word) for word in (*words, "--data", data)])
        said = capsys.readouterr()
        return code, said.out, said.err

    return typed
