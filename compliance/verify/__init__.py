"""What an auditor checks offline: are the data what was signed, and do they mean what they say?"""
