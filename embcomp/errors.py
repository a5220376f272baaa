"""Every error that embcomp raises on purpose.

EmbcompError                      exit code 70 is never one of these: that is a bug
├── ParameterError (ValueError)    2  an option or argument that is not allowed
│   └── PluginError                    a part of another package that cannot be used
├── InputError                     3  a source that cannot be read as it is
├── OutputError                    3  a target that cannot be written
├── ContainerError                 4  an .embc file that is refused
│   ├── NotAContainerError             it does not start as one
│   ├── NewerVersionError              a later version of embcomp wrote it
│   ├── TruncatedError                 it ends too early, or too late
│   └── CorruptError                   a checksum or a rule of the format is broken
├── MemoryLimitError (MemoryError)  3  more memory is needed than there is, or than is allowed
├── MissingWordError (KeyError)    1  a word that the embedding does not have
└── NotFittedError                 2  encode or decode before fit

A message names options as the library does, in backticks; the command line shows its flags instead.

PluginWarning (UserWarning)           a part of another package that cannot be used and was not asked for
UnknownTextWarning (UserWarning)      texts without any known word
"""


class EmbcompError(Exception):
    """Base of all deliberate errors; ``str(error)`` is one line for the user."""

    exit_code = 2


class ParameterError(EmbcompError, ValueError):
    """An option or argument is outside what is allowed."""

    exit_code = 2


class PluginError(ParameterError):
    """A part of another package cannot be used."""


class PluginWarning(UserWarning):
    """A part of another package cannot be used, and is left out of a list."""


class UnknownTextWarning(UserWarning):
    """Texts have no known word, and vectors of zeros."""


class InputError(EmbcompError):
    """A source file cannot be read as it is."""

    exit_code = 3


class OutputError(EmbcompError):
    """A target file cannot be written."""

    exit_code = 3


class ContainerError(EmbcompError):
    """An ``.embc`` file is refused."""

    exit_code = 4


class NotAContainerError(ContainerError):
    """The file does not start with the container's magic bytes."""


class NewerVersionError(ContainerError):
    """The file has a format version or a required part that this release does not know."""


class TruncatedError(ContainerError):
    """The file is shorter or longer than its header says."""


class CorruptError(ContainerError):
    """A checksum does not match, or the header breaks a rule of the format."""


class MemoryLimitError(EmbcompError, MemoryError):
    """An operation needs more memory than there is, or than ``max_memory`` allows."""

    exit_code = 3


class MissingWordError(EmbcompError, KeyError):
    """A word is not in the embedding."""

    exit_code = 1

    def __init__(self, word: str) -> None:
        super().__init__(f"{word!r} is not in the vocabulary")
        self.word = word

    def __str__(self) -> str:  # KeyError would show the repr of the message
        return str(self.args[0])


class NotFittedError(EmbcompError):
    """A compressor was asked to encode or decode before it was fitted."""

    exit_code = 2
