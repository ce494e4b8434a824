import DevServers

extension MongoServer.Options {
    /// With fail points (`FailPoint`).
    package static var withTestCommands: MongoServer.Options {
        var options = MongoServer.Options()
        options.arguments = ["--setParameter", "enableTestCommands=1"]
        return options
    }
}
