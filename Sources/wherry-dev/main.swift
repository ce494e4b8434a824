print("wherry-dev")
