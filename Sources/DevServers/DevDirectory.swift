import Foundation
import Glibc

/// `.dev/` at the top of the checkout: everything development leaves on disk, ignored by git.
package enum DevDirectory {
    /// `WHERRY_DEV_DIRECTORY`, or `.dev` beside the nearest Package.swift above the working directory.
    package static var path: String {
        if let set = ProcessInfo.processInfo.environment["WHERRY_DEV_DIRECTORY"], !set.isEmpty { return set }
        var folder = URL(fileURLWithPath: FileManager.default.currentDirectoryPath)
        while folder.path != "/" {
            if FileManager.default.fileExists(atPath: folder.appendingPathComponent("Package.swift").path) {
                return folder.appendingPathComponent(".dev").path
            }
            folder.deleteLastPathComponent()
        }
        return FileManager.default.currentDirectoryPath + "/.dev"
    }

    /// Runs `body` while no other process (and no other task of this one) holds the lock of that name.
    static func withLock<T>(_ name: String, _ body: () async throws -> T) async throws -> T {
        try makeDirectory(path)
        let descriptor = open("\(path)/\(name).lock", O_CREAT | O_RDWR | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw DevServerError("can't open \(path)/\(name).lock") }
        defer { close(descriptor) }
        try await waitUntil("\(name) is no longer locked", within: .seconds(120)) {
            flock(descriptor, LOCK_EX | LOCK_NB) == 0
        }
        return try await body()
    }

    static func makeDirectory(_ path: String) throws {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }
}
