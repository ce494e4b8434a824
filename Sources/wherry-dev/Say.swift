import Foundation

/// Prints a line at once: through a pipe, `print` would keep it until the end.
func say(_ line: String) {
    FileHandle.standardOutput.write(Data((line + "\n").utf8))
}
