import { acceptContract } from '../../contracts/accept.js'
import { lmdbStore } from './backend.js'

acceptContract(lmdbStore)
